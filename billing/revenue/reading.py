"""Read what days brought in, for a page: of all organisations, and of those that it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import QuerySet

from billing.exact import ZERO
from billing.periods import ONE_DAY, Days, day_of
from billing.prepared import prepared
from billing.revenue.models import RevenueUpkeep
from billing.together import Raw, Reading, read

Daily = dict[date, Decimal]


@dataclass(frozen=True, slots=True)
class Revenue:
    """What days brought in by currency and service; ``upkeep`` says of which days that is known."""

    upkeep: RevenueUpkeep | None = None
    sums: Mapping[str, Mapping[int, Daily]] = field(default_factory=dict)

    @property
    def first_day(self) -> Days | None:
        """The first day that is known."""
        first = self.upkeep.known_from if self.upkeep else None
        return Days(first, first + ONE_DAY) if first else None

    def known(self, days: Days) -> list[date]:
        if self.upkeep is None or self.upkeep.known_from is None:
            return []
        first, last = self.upkeep.known_from, day_of(self.upkeep.as_of)
        return [day for day in days if first <= day <= last]

    def lacks(self, days: Days) -> bool:
        """Say whether some of the days are still being worked out."""
        if self.upkeep is None or self.upkeep.known_from is None:
            return True
        return self.upkeep.month is not None and days.first < self.upkeep.known_from

    @property
    def stamp(self) -> str:
        """What is another one where figures are new, but for what goes on: see stamps.py."""
        one = self.upkeep
        return f"{one.known_from} {one.as_of.date()} {one.renewed_at}" if one else ""

    def by_service(self, days: Days, currency: str) -> dict[int, Daily]:
        """Return each service's days that are known."""
        known = self.known(days)
        return {
            service: {day: own.get(day, ZERO) for day in known}
            for service, own in self.sums.get(currency, {}).items()
        }


def reading(days: Days) -> Reading[Revenue]:
    """Read the sums of days: as many rows as there are services, for a year has thousands."""
    asked = {"first": days.first, "end": days.end}
    upkeep, rows = yield [_upkeep(), Raw(SUMS, asked, SUMS_COLUMNS, is_planned_once=True)]
    sums: dict[str, dict[int, Daily]] = {}
    for currency, service, places, amounts in rows:
        each = (days.first + ONE_DAY * int(place) for place in places.split())
        own = dict(zip(each, map(Decimal, amounts.split()), strict=True))
        sums.setdefault(currency, {})[service] = own
    return Revenue(upkeep[0] if upkeep else None, sums)


@prepared
def _upkeep() -> QuerySet[RevenueUpkeep]:
    return RevenueUpkeep.objects.order_by("pk")[:1]


SUMS = """
SELECT currency, service_id, string_agg((day - %(first)s)::text, ' ' ORDER BY day),
    string_agg(amount::text, ' ' ORDER BY day)
FROM billing_dayrevenue WHERE day >= %(first)s AND day < %(end)s GROUP BY 1, 2
"""
SUMS_COLUMNS = (
    models.CharField(),
    models.BigIntegerField(),
    models.TextField(),
    models.TextField(),
)


def read_days(currencies: Mapping[UUID, str], revenue: Revenue, days: Days) -> dict[UUID, Daily]:
    """Return what each of some organisations brought in on days that are known, in its currency:
    in one query, which reads as many rows as they have billing periods.
    """
    known = revenue.known(days)
    found: dict[UUID, Daily] = {owner: dict.fromkeys(known, ZERO) for owner in currencies}
    if not known or not currencies:
        return found
    asked = {"owners": list(currencies), "first": known[0], "end": known[-1] + ONE_DAY}
    for owner, currency, first, amounts in read(_reading(asked)):
        if currency == currencies[owner]:
            at = (first - known[0]).days
            its = zip(known[max(0, at) :], amounts[max(0, -at) :], strict=False)
            found[owner].update(its)
    return found


def _reading(asked: Mapping[str, Any]) -> Reading[Sequence[tuple[UUID, str, date, list[Decimal]]]]:
    [found] = yield [Raw(PERIODS, asked, COLUMNS, is_planned_once=True)]
    return found


PERIODS = """
SELECT organisation_id, currency, first, amounts FROM billing_periodrevenue
WHERE organisation_id = ANY(%(owners)s::uuid[]) AND first < %(end)s AND "end" > %(first)s
"""
COLUMNS = (
    models.UUIDField(),
    models.CharField(),
    models.DateField(),
    ArrayField(models.DecimalField()),
)
