"""What happens to a billing account. Days are those of the organisation's time zone."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.accounts.months import Months
from eventstore.events import Event, event_type


@event_type("account.opened")
class AccountOpened(Event, frozen=True, kw_only=True):
    """The organisation is a customer from now on."""

    opened_on: date


@event_type("account.subscribed")
class AccountSubscribed(Event, frozen=True, kw_only=True):
    """From a day on, the organisation is on a plan version, until it subscribes anew."""

    plan_version: int
    starts_on: date


@event_type("account.plan_changed")
class PlanChanged(Event, frozen=True, kw_only=True):
    """From a day on it is on another plan version; ``is_prorated`` divides the period there."""

    plan_version: int
    starts_on: date
    is_prorated: bool
    reason: str


@event_type("account.migrated")
class AccountMigrated(Event, frozen=True, kw_only=True):
    """A migration of many put it on another plan version."""

    migration: UUID
    plan_version: int
    starts_on: date


@event_type("account.migration_undone")
class MigrationUndone(Event, frozen=True, kw_only=True):
    """It stays on what it was on before the migration."""

    migration: UUID
    starts_on: date


@event_type("account.price_overridden")
class PriceOverridden(Event, frozen=True, kw_only=True):
    """A service has a price of the organisation's own: ``terms`` as in own_prices.py.

    It is in force from ``starts_on`` up to, not including, ``ends_on``; None is without end.
    """

    override: UUID
    service: int
    terms: dict[str, Any]
    starts_on: date
    ends_on: date | None
    reason: str


@event_type("account.price_override_ended")
class PriceOverrideEnded(Event, frozen=True, kw_only=True):
    """From ``ends_on`` on, the plan's price holds again."""

    override: UUID
    ends_on: date
    reason: str


@event_type("account.discount_granted")
class DiscountGranted(Event, frozen=True, kw_only=True):
    """``rate`` (a share) or ``amount`` off one service or all, for so many periods or for ever."""

    discount: UUID
    rate: Decimal | None
    amount: Decimal | None
    service: int | None
    starts_on: date
    periods: int | None
    coupon: str
    reason: str


@event_type("account.discount_ended")
class DiscountEnded(Event, frozen=True, kw_only=True):
    discount: UUID
    ends_on: date
    reason: str


@event_type("account.credit_added")
class CreditAdded(Event, frozen=True, kw_only=True):
    """Money to its credit: ``granted``, or ``prepaid`` by the organisation."""

    credit: UUID
    kind: str
    amount: Decimal
    currency: str
    reason: str


@event_type("account.pool_joined")
class PoolJoined(Event, frozen=True, kw_only=True):
    """From a day on, its usage is rated with that of ``parent``, by the parent's prices."""

    parent: UUID
    starts_on: date
    reason: str


@event_type("account.pool_left")
class PoolLeft(Event, frozen=True, kw_only=True):
    ends_on: date
    reason: str


@event_type("account.paused")
class AccountPaused(Event, frozen=True, kw_only=True):
    """From a day on, neither base fee nor commitment is due; what is used still is."""

    starts_on: date
    reason: str


@event_type("account.resumed")
class AccountResumed(Event, frozen=True, kw_only=True):
    ends_on: date
    reason: str


@event_type("account.closed")
class AccountClosed(Event, frozen=True, kw_only=True):
    """Its last day is the one before ``closes_on``; the period with that day is its last."""

    closes_on: date
    reason: str


@event_type("account.usage_metered")
class UsageMetered(Event, frozen=True, kw_only=True):
    """The metrics saga folded a batch of the organisation's events, up to a position."""

    until_position: int
    months: Months
