"""The billing account of an organisation: an event-sourced aggregate. Its id is derived. Pure.

What is checked here needs the account's own history only. That no day is changed which has been
invoiced is for the edges to see to, under the organisation's lock (commands.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID, uuid5

import msgspec
from django.utils.translation import gettext

from billing.accounts import events as said
from billing.accounts.events import AccountSubscribed, UsageMetered
from billing.accounts.months import Metered, Months, MonthSums
from eventstore import registry
from eventstore.events import Event
from eventstore.snapshots import EveryEvents, Policy
from eventstore.store import NewEvent

__all__ = ["AccountSubscribed", "BillingAccount", "MonthSums", "Months", "Refused", "UsageMetered"]

NAMESPACE = UUID("3f1c1d52-7b1e-4a55-9d0e-5f0f6f0b1c11")


class Refused(Exception):
    """The account cannot do that as it stands. The message says why."""


Currencies = Mapping[int, str]
"""Of plan versions: of the new one, and of all that the account has been on."""


class Span(msgspec.Struct, frozen=True):
    """Days from the first up to, not including, the end; None is without end."""

    starts_on: date
    ends_on: date | None = None

    def overlaps(self, other: Self) -> bool:
        return _before(self.starts_on, other.ends_on) and _before(other.starts_on, self.ends_on)


class OwnPrice(msgspec.Struct, frozen=True):
    service: int
    span: Span


@registry.aggregate
class BillingAccount(Metered):
    """What the organisation is on, what was agreed with it, and what it used, month by month."""

    stream_type: ClassVar[str] = "billing-account"
    state_version: ClassVar[int] = 2
    snapshot: ClassVar[Policy] = EveryEvents(10)

    opened_on: date | None = None
    closes_on: date | None = None
    paused: Span | None = None  # the latest time
    pool: tuple[UUID, Span] | None = None  # the latest, and its parent
    subscriptions: dict[date, int] = {}
    migrations: dict[UUID, date] = {}
    before_migration: dict[UUID, int] = {}  # what had started on that day
    own_prices: dict[UUID, OwnPrice] = {}
    discounts: dict[UUID, date | None] = {}
    coupons: set[str] = set()

    def open(self, *, on: date, now: datetime) -> Sequence[NewEvent]:
        """Become a customer, unless it is one."""
        return [] if self.opened_on else _events(now, said.AccountOpened(opened_on=on))

    def subscribe(self, *, plan_version: int, starts_on: date, now: datetime) -> Sequence[NewEvent]:
        """Go on a plan version; raises Refused once it is closed."""
        self._refuse_closed(starts_on)
        if self.subscriptions.get(starts_on) == plan_version:
            return []
        opened = self.open(on=starts_on, now=now)
        event = AccountSubscribed(plan_version=plan_version, starts_on=starts_on)
        return [*opened, *_events(now, event)]

    def change_plan(
        self,
        *,
        plan_version: int,
        starts_on: date,
        is_prorated: bool,
        currencies: Currencies,
        reason: str,
        now: datetime,
    ) -> Sequence[NewEvent]:
        """Go on another plan version than it is on then; raises Refused.

        Prorated, it must be in the same currency, for an invoice has one.
        """
        self._refuse_closed(starts_on)
        current = self.on_plan(starts_on)
        if current is None:
            raise Refused(gettext("It is on no plan yet: subscribe it first."))
        if current == plan_version:
            raise Refused(gettext("It is on that plan version already."))
        if is_prorated:
            _refuse_two_currencies(currencies[current], currencies[plan_version])
        event = said.PlanChanged(
            plan_version=plan_version, starts_on=starts_on, is_prorated=is_prorated, reason=reason
        )
        return _events(now, event)

    def migrate(
        self, *, migration: UUID, plan_version: int, starts_on: date, now: datetime
    ) -> Sequence[NewEvent]:
        """Go along with a migration; again it changes nothing. Raises Refused."""
        if migration in self.migrations:
            return []
        self._refuse_closed(starts_on)
        if self.on_plan(starts_on) is None:
            raise Refused(gettext("It is on no plan then."))
        event = said.AccountMigrated(
            migration=migration, plan_version=plan_version, starts_on=starts_on
        )
        return _events(now, event)

    def undo_migration(self, *, migration: UUID, now: datetime) -> Sequence[NewEvent]:
        """Take a migration back; where it is not in force (any more) that changes nothing."""
        starts_on = self.migrations.get(migration)
        if starts_on is None:
            return []
        return _events(now, said.MigrationUndone(migration=migration, starts_on=starts_on))

    def override_price(self, *, event: said.PriceOverridden, now: datetime) -> Sequence[NewEvent]:
        """Agree on a price for a service. Raises Refused where it has one on some of the days."""
        self._refuse_closed(event.starts_on)
        asked = _span(event.starts_on, event.ends_on)
        for one in self.own_prices.values():
            if one.service == event.service and one.span.overlaps(asked):
                raise Refused(
                    gettext("The service has a price of its own on some of these days already.")
                )
        return _events(now, event)

    def end_price(
        self, *, override: UUID, ends_on: date, reason: str, now: datetime
    ) -> Sequence[NewEvent]:
        """End a price of its own, at the earliest when it starts; raises Refused."""
        price = self.own_prices.get(override)
        if price is None or not _before(ends_on, price.span.ends_on):
            raise Refused(gettext("There is no such price of its own after that day."))
        if ends_on < price.span.starts_on:
            why = gettext("That price starts on {day} only.")
            raise Refused(why.format(day=price.span.starts_on))
        event = said.PriceOverrideEnded(override=override, ends_on=ends_on, reason=reason)
        return _events(now, event)

    def grant_discount(self, *, event: said.DiscountGranted, now: datetime) -> Sequence[NewEvent]:
        """Get a discount. Raises Refused where its coupon was used by this account before."""
        self._refuse_closed(event.starts_on)
        if event.coupon and event.coupon in self.coupons:
            why = gettext("It has used the coupon {coupon} already.")
            raise Refused(why.format(coupon=event.coupon))
        return _events(now, event)

    def end_discount(
        self, *, discount: UUID, ends_on: date, reason: str, now: datetime
    ) -> Sequence[NewEvent]:
        """End a discount before its time; raises Refused."""
        if discount not in self.discounts or self.discounts[discount] is not None:
            raise Refused(gettext("There is no such discount, or it was ended before."))
        event = said.DiscountEnded(discount=discount, ends_on=ends_on, reason=reason)
        return _events(now, event)

    def add_credit(self, *, event: said.CreditAdded, now: datetime) -> Sequence[NewEvent]:
        return _events(now, event)

    def join_pool(
        self, *, parent: UUID, starts_on: date, reason: str, now: datetime
    ) -> Sequence[NewEvent]:
        """Be rated together with ``parent``; raises Refused where it is in a pool still."""
        self._refuse_closed(starts_on)
        if self.pool and _before(starts_on, self.pool[1].ends_on):
            raise Refused(
                gettext("It is in a volume account on that day: let it leave that first.")
            )
        return _events(now, said.PoolJoined(parent=parent, starts_on=starts_on, reason=reason))

    def leave_pool(self, *, ends_on: date, reason: str, now: datetime) -> Sequence[NewEvent]:
        if not self.pool or self.pool[1].ends_on:
            raise Refused(gettext("It is in no volume account."))
        if ends_on <= self.pool[1].starts_on:
            why = gettext("It is in its volume account from {day} on only.")
            raise Refused(why.format(day=self.pool[1].starts_on))
        return _events(now, said.PoolLeft(ends_on=ends_on, reason=reason))

    def pause(self, *, starts_on: date, reason: str, now: datetime) -> Sequence[NewEvent]:
        self._refuse_closed(starts_on)
        if self.paused and _before(starts_on, self.paused.ends_on):
            raise Refused(gettext("It is paused on that day already."))
        return _events(now, said.AccountPaused(starts_on=starts_on, reason=reason))

    def resume(self, *, ends_on: date, reason: str, now: datetime) -> Sequence[NewEvent]:
        if not self.paused or self.paused.ends_on:
            raise Refused(gettext("It is not paused."))
        if ends_on <= self.paused.starts_on:
            why = gettext("It is paused from {day} on only.")
            raise Refused(why.format(day=self.paused.starts_on))
        return _events(now, said.AccountResumed(ends_on=ends_on, reason=reason))

    def close(self, *, closes_on: date, reason: str, now: datetime) -> Sequence[NewEvent]:
        """Take nothing more from ``closes_on`` on; raises Refused where it is closed before."""
        self._refuse_closed(closes_on)
        return _events(now, said.AccountClosed(closes_on=closes_on, reason=reason))

    def meter(self, *, months: Months, until_position: int, now: datetime) -> Sequence[NewEvent]:
        return _events(now, UsageMetered(months=months, until_position=until_position))

    def _refuse_closed(self, on: date) -> None:
        if self.closes_on is not None and on >= self.closes_on:
            why = gettext("The account is closed from {day} on.")
            raise Refused(why.format(day=self.closes_on))

    def apply(self, event: Event) -> None:
        match event:
            case UsageMetered():
                self.add_months(event.months)
            case AccountSubscribed() | said.PlanChanged():
                self.subscriptions[event.starts_on] = event.plan_version
            case said.AccountMigrated() | said.MigrationUndone():
                self._migrate(event)
            case _:
                self._agree(event)

    def _migrate(self, event: said.AccountMigrated | said.MigrationUndone) -> None:
        day, migration = event.starts_on, event.migration
        if isinstance(event, said.AccountMigrated):
            self.migrations[migration] = day
            if day in self.subscriptions:
                self.before_migration[migration] = self.subscriptions[day]
            self.subscriptions[day] = event.plan_version
            return
        self.migrations.pop(migration, None)
        self.subscriptions.pop(day, None)
        if migration in self.before_migration:
            self.subscriptions[day] = self.before_migration.pop(migration)

    def _agree(self, event: Event) -> None:
        match event:
            case said.PriceOverridden():
                span = Span(event.starts_on, event.ends_on)
                self.own_prices[event.override] = OwnPrice(event.service, span)
            case said.PriceOverrideEnded():
                price = self.own_prices[event.override]
                span = Span(price.span.starts_on, event.ends_on)
                self.own_prices[event.override] = OwnPrice(price.service, span)
            case said.DiscountGranted():
                self.discounts[event.discount] = None
                self.coupons |= {event.coupon} - {""}
            case said.DiscountEnded():
                self.discounts[event.discount] = event.ends_on
            case _:
                self._stand(event)

    def _stand(self, event: Event) -> None:
        match event:
            case said.AccountOpened():
                self.opened_on = event.opened_on
            case said.PoolJoined():
                self.pool = event.parent, Span(event.starts_on)
            case said.PoolLeft() if self.pool:
                self.pool = self.pool[0], Span(self.pool[1].starts_on, event.ends_on)
            case said.AccountPaused():
                self.paused = Span(event.starts_on)
            case said.AccountResumed() if self.paused:
                self.paused = Span(self.paused.starts_on, event.ends_on)
            case said.AccountClosed():
                self.closes_on = event.closes_on

    def on_plan(self, day: date) -> int | None:
        """Return the plan version that it is on at a day."""
        started = [first for first in self.subscriptions if first <= day]
        return self.subscriptions[max(started)] if started else None


def account_id(organisation_id: UUID) -> UUID:
    """Return the stream id of an organisation's billing account."""
    return uuid5(NAMESPACE, str(organisation_id))


def _events(now: datetime, *events: Event) -> list[NewEvent]:
    return [NewEvent(event=event, occurred_at=now) for event in events]


def _refuse_two_currencies(before: str, after: str) -> None:
    if before != after:
        why = gettext(
            "A period that is divided has one invoice, so it cannot go from {before} to {after} "
            "amid one: let the new plan start with a period, and do not divide that."
        )
        raise Refused(why.format(before=before, after=after))


def _before(day: date, end: date | None) -> bool:
    return end is None or day < end


def _span(starts_on: date, ends_on: date | None) -> Span:
    if not _before(starts_on, ends_on):
        why = gettext("The end {end} must be after the start {start}.")
        raise Refused(why.format(end=ends_on, start=starts_on))
    return Span(starts_on, ends_on)
