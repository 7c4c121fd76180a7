"""The invoices to come of an organisation: of its periods that have none yet."""

from datetime import datetime

from billing.invoicing.drafting import Draft, draft_of
from billing.invoicing.due import open_periods
from billing.periods import day_of
from catacloud.accounts.models import Organisation


def upcoming(organisation: Organisation, *, now: datetime) -> list[Draft]:
    """Return the drafts that closing would issue now, each as it will be after those before it.

    Raises what :func:`draft_of` does.
    """
    drafts: list[Draft] = []
    for days in open_periods(organisation, today=day_of(now, organisation.zone)):
        if draft := draft_of(organisation=organisation, days=days, now=now, after=drafts):
            drafts.append(draft)
    return drafts
