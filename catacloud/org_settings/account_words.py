"""Events of the billing account in words. Why operators did it stays with them. Pure."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec
from django.utils.dateformat import format as format_date
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from billing.accounts import events as account
from billing.templatetags.figures import exact
from eventstore.events import Event

WORDS: Mapping[type[Event], Promise] = {
    account.AccountOpened: _("Customer from %(opened_on)s on"),
    account.AccountSubscribed: _("Price plan %(plan)s from %(starts_on)s on"),
    account.PlanChanged: _("Price plan %(plan)s from %(starts_on)s on"),
    account.AccountMigrated: _("Moved to price plan %(plan)s from %(starts_on)s on"),
    account.MigrationUndone: _("Back to the price plan before from %(starts_on)s on"),
    account.PriceOverridden: _("Own price of a service from %(starts_on)s on"),
    account.PriceOverrideEnded: _("Own price of a service until %(ends_on)s"),
    account.DiscountGranted: _("Discount from %(starts_on)s on"),
    account.DiscountEnded: _("Discount until %(ends_on)s"),
    account.CreditAdded: _("Credit of %(amount)s %(currency)s, %(kind)s"),
    account.PoolJoined: _("In a pool of organisations from %(starts_on)s on"),
    account.PoolLeft: _("In the pool of organisations until %(ends_on)s"),
    account.AccountPaused: _("Paused from %(starts_on)s on"),
    account.AccountResumed: _("Paused until %(ends_on)s"),
    account.AccountClosed: _("Closed from %(closes_on)s on"),
}
CREDITS = {
    "granted": pgettext_lazy("credit", "granted"),
    "prepaid": pgettext_lazy("credit", "prepaid"),
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
    values = {name: _written(value) for name, value in msgspec.structs.asdict(event).items()}
    gone = pgettext("a price plan", "that is gone")
    return str(words) % {**values, "plan": plans.get(plan_version(event) or 0, gone)}


def _written(value: object) -> str:
    if isinstance(value, date):
        return format_date(value, gettext("j M Y"))
    if isinstance(value, Decimal):
        return exact(value)
    return str(CREDITS.get(str(value), value))
