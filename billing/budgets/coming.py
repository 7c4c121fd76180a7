"""The bill to come: of the period that is running now, as the next invoice would have it."""

from datetime import datetime

from billing.budgets import rules
from billing.budgets.rules import Bill
from billing.invoicing.drafting import Draft
from billing.invoicing.upcoming import upcoming
from billing.periods import day_of
from catacloud.accounts.models import Organisation


def running_draft(organisation: Organisation, *, now: datetime) -> Draft | None:
    """Return the draft of the running period; None where the organisation is on no plan.

    It has what a period before leaves, which is over and not invoiced yet: credit counts once.
    """
    today = day_of(now, organisation.zone)
    drafts = upcoming(organisation, now=now)
    return next((one for one in drafts if one.days.first <= today < one.days.end), None)


def bill_of(draft: Draft) -> Bill:
    return rules.bill(
        [(line.kind, line.amount) for line in draft.lines],
        days=draft.days,
        currency=draft.currency,
        zone=draft.organisation.zone,
        now=draft.as_of,
    )
