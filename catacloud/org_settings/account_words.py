"""Events of the billing account in words. Why operators did it stays with them. Pure."""

from collections.abc import Mapping

import msgspec

from billing.accounts import events as account
from eventstore.events import Event

WORDS: Mapping[type[Event], str] = {
    account.AccountOpened: "Customer from {opened_on} on",
    account.AccountSubscribed: "Price plan {plan} from {starts_on} on",
    account.PlanChanged: "Price plan {plan} from {starts_on} on",
    account.AccountMigrated: "Moved to price plan {plan} from {starts_on} on",
    account.MigrationUndone: "Back to the price plan before from {starts_on} on",
    account.PriceOverridden: "Own price of a service from {starts_on} on",
    account.PriceOverrideEnded: "Own price of a service until {ends_on}",
    account.DiscountGranted: "Discount from {starts_on} on",
    account.DiscountEnded: "Discount until {ends_on}",
    account.CreditAdded: "Credit of {amount} {currency}, {kind}",
    account.PoolJoined: "In a pool of organisations from {starts_on} on",
    account.PoolLeft: "In the pool of organisations until {ends_on}",
    account.AccountPaused: "Paused from {starts_on} on",
    account.AccountResumed: "Paused until {ends_on}",
    account.AccountClosed: "Closed from {closes_on} on",
}


def plan_version(event: Event) -> int | None:
    """Return the number of the plan version that an event puts the account on, if it does."""
    number: int | None = getattr(event, "plan_version", None)
    return number


def tell(event: Event, plans: Mapping[int, str]) -> str | None:
    """Return what an event says; None where it is none of a billing account."""
    words = WORDS.get(type(event))
    if words is None:
        return None
    plan = plans.get(plan_version(event) or 0, "that is gone")
    return words.format(plan=plan, **msgspec.structs.asdict(event))
