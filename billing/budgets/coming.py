"""The bill to come: of the period that is running now, as the next invoice would have it."""

from datetime import datetime

from billing.budgets import rules
from billing.budgets.rules import Bill
from billing.invoicing.drafting import Draft, draft_of
from billing.invoicing.due import open_periods
from billing.invoicing.lines import Kind
from billing.invoicing.upcoming import upcoming
from billing.periods import day_of
from catacloud.accounts.models import Organisation

SHARED = {Kind.BASE_FEE, Kind.DISCOUNT, Kind.CORRECTION, Kind.CREDIT}  # one bill or the other


def running_draft(organisation: Organisation, *, now: datetime) -> Draft | None:
    """Return the draft of the running period; None where the organisation is on no plan.

    It has what the period before leaves, while that is over and not invoiced yet: credit counts
    once. Most have nothing that two bills could take, and are spared the first one.
    """
    periods = open_periods(organisation, today=day_of(now, organisation.zone))
    if not periods or day_of(now, organisation.zone) not in periods[-1]:
        return None
    draft = draft_of(organisation=organisation, days=periods[-1], now=now)
    if draft is None or len(periods) == 1 or not SHARED & {line.kind for line in draft.lines}:
        return draft
    return upcoming(organisation, now=now)[-1]


def bill_of(draft: Draft) -> Bill:
    return rules.bill(
        [(line.kind, line.amount) for line in draft.lines],
        days=draft.days,
        currency=draft.currency,
        zone=draft.organisation.zone,
        now=draft.as_of,
    )
