"""The billing account of an organisation: an event-sourced aggregate. Its id is derived."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import ClassVar
from uuid import UUID, uuid5

import msgspec

from billing.exact import ZERO, exactly
from billing.periods import day_of, microseconds, month_of
from eventstore import registry
from eventstore.aggregate import Aggregate
from eventstore.events import Event, event_type
from eventstore.snapshots import EveryEvents, Policy
from eventstore.store import NewEvent

NAMESPACE = UUID("3f1c1d52-7b1e-4a55-9d0e-5f0f6f0b1c11")


class MonthSums(msgspec.Struct, frozen=True):
    """What a month of the organisation's time zone adds up to for one service.

    ``area`` runs to the month's end (fold.py). Figures that are no sums are not here, but only in
    the tables.
    """

    quantity: Decimal = ZERO
    area: Decimal = ZERO

    def plus(self, other: "MonthSums") -> "MonthSums":
        with exactly():
            return MonthSums(self.quantity + other.quantity, self.area + other.area)


Months = dict[date, dict[str, MonthSums]]
"""Sums by the first day of the month, and by service."""


@event_type("account.subscribed")
class AccountSubscribed(Event, frozen=True, kw_only=True):
    """From a day on, the organisation is on a plan version, until it subscribes anew."""

    plan_version: int
    starts_on: date


@event_type("account.usage_metered")
class UsageMetered(Event, frozen=True, kw_only=True):
    """The metrics saga folded a batch of the organisation's events, up to a position."""

    until_position: int
    months: Months


@registry.aggregate
class BillingAccount(Aggregate):
    """What the organisation is on, and what it used, month by month."""

    stream_type: ClassVar[str] = "billing-account"
    snapshot: ClassVar[Policy] = EveryEvents(10)

    subscriptions: dict[date, int] = {}
    months: Months = {}

    def subscribe(self, *, plan_version: int, starts_on: date, now: datetime) -> Sequence[NewEvent]:
        if self.subscriptions.get(starts_on) == plan_version:
            return []
        event = AccountSubscribed(plan_version=plan_version, starts_on=starts_on)
        return [NewEvent(event=event, occurred_at=now)]

    def meter(self, *, months: Months, until_position: int, now: datetime) -> Sequence[NewEvent]:
        event = UsageMetered(months=months, until_position=until_position)
        return [NewEvent(event=event, occurred_at=now)]

    def apply(self, event: Event) -> None:
        match event:
            case AccountSubscribed():
                self.subscriptions[event.starts_on] = event.plan_version
            case UsageMetered():
                for first, services in event.months.items():
                    self._add(first, services)

    def _add(self, first: date, services: Mapping[str, MonthSums]) -> None:
        month = self.months.setdefault(first, {})
        for service, sums in services.items():
            month[service] = month.get(service, MonthSums()).plus(sums)

    def counted(self, service: str, day: date) -> Decimal:
        """Return what was used of a counter in the month of ``day``."""
        return self._sums(service, day.replace(day=1)).quantity

    def level(self, service: str) -> Decimal:
        """Return where a level stands now."""
        with exactly():
            return sum(
                (one[service].quantity for one in self.months.values() if service in one), ZERO
            )

    def integral(self, service: str, now: datetime, zone: tzinfo = UTC) -> Decimal:
        """Return a level's integral over the month of ``now`` so far, in quantity × µs.

        Months are those of the organisation's time zone.
        """
        month = month_of(day_of(now, zone))
        sums = self._sums(service, month.first)
        with exactly():
            start = sum(
                (
                    one[service].quantity
                    for first, one in self.months.items()
                    if first < month.first and service in one
                ),
                ZERO,
            )
            so_far = start * microseconds(now - month.starts_in(zone))
            return so_far + sums.area - sums.quantity * microseconds(month.ends_in(zone) - now)

    def _sums(self, service: str, first: date) -> MonthSums:
        return self.months.get(first, {}).get(service, MonthSums())


def account_id(organisation_id: UUID) -> UUID:
    """Return the stream id of an organisation's billing account."""
    return uuid5(NAMESPACE, str(organisation_id))
