"""The bill to come: of the period that is running now, as the next invoice would have it."""

from datetime import datetime

from billing.budgets import rules
from billing.budgets.rules import Bill
from billing.invoicing.closing.drafting import Draft
from billing.invoicing.closing.upcoming import running, upcoming
from catacloud.accounts.models import Organisation


def running_draft(organisation: Organisation, *, now: datetime) -> Draft | None:
    """Return the draft of the running period; None where the organisation is on no plan.

    It has what the period before leaves, while that is over and not invoiced yet: credit counts
    once.
    """
    return running(upcoming(organisation, now=now), now=now)


def bill_of(draft: Draft) -> Bill:
    return rules.bill(
        [(line.kind, line.amount) for line in draft.lines],
        days=draft.days,
        currency=draft.currency,
        zone=draft.organisation.zone,
        now=draft.as_of,
    )
