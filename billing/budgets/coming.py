"""The bill to come: of the period that is running now, as the next invoice would have it."""

from datetime import datetime

from billing.budgets import rules
from billing.budgets.rules import Bill
from billing.invoicing.drafting import Draft, draft_of
from billing.invoicing.due import open_periods
from billing.periods import day_of
from catacloud.accounts.models import Organisation


def running_draft(organisation: Organisation, *, now: datetime) -> Draft | None:
    """Return the draft of the running period; None where the organisation is on no plan."""
    today = day_of(now, organisation.zone)
    for days in open_periods(organisation, today=today):
        if days.first <= today < days.end:
            return draft_of(organisation=organisation, days=days, now=now)
    return None


def bill_of(draft: Draft) -> Bill:
    return rules.bill(
        [(line.kind, line.amount) for line in draft.lines],
        days=draft.days,
        currency=draft.currency,
        zone=draft.organisation.zone,
        now=draft.as_of,
    )
