"""One organisation's days, read in one statement: by service, and by a dimension's values.

Nothing is read twice, and of days that are not shown only what a level starts from.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import OuterRef, Q, Subquery

from billing.exact import ZERO, exactly
from billing.metering.models import DailyUsage, Service
from billing.periods import ONE_DAY, Days, microseconds, slot_of, start_of
from catacloud.accounts.models import Organisation

MOST_SERVICES = 15  # on one page
MOST_LATE = 100  # events of a day: more are not counted
DAY, GROUP, LATE, PRICE = range(4)  # what a row is about


class Figure(NamedTuple):
    """What a day or an hour comes to, in the service's raw unit, and where a level stood after."""

    figure: Decimal
    level: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class UsageDays:
    """By the service's primary key: its days, and the days of each value of the dimension.

    Days with nothing are absent, but of a level. ``late`` counts events that came late, by the day
    that they are of; ``priced`` has the days on which a price of the organisation's own begins.
    """

    days: Mapping[int, Mapping[date, Figure]]
    groups: Mapping[int, Mapping[str, Mapping[date, Figure]]] = field(default_factory=dict)
    late: Mapping[date, int] = field(default_factory=dict)
    priced: Mapping[date, Sequence[int]] = field(default_factory=dict)


class Row(NamedTuple):
    kind: int
    service: int
    value: str
    number: int  # of the day or hour among those asked for; -1 is what was before all of them
    quantity: Decimal
    area: Decimal
    high: Decimal  # of a peak; of a group the quantities × their slot's end, in µs since 1970


@dataclass(frozen=True, slots=True)
class UsedServices:
    """Services by name, and the names of each one's dimensions, by its primary key."""

    services: Sequence[Service]
    dimensions: Mapping[int, Sequence[str]]

    @property
    def groupings(self) -> list[str]:
        return sorted({name for names in self.dimensions.values() for name in names})

    def with_dimension(self, name: str) -> list[Service]:
        return [one for one in self.services if name in self.dimensions.get(one.pk, ())]

    def named(self, slug: str) -> Service | None:
        return next((one for one in self.services if one.slug == slug), None)


def used_services(organisation: Organisation, *, always: Collection[str]) -> UsedServices:
    """Return the services that an organisation ever used, and those that are always shown.

    Only where figures are sums parts make a whole, so no other service has dimensions here.
    """
    used = DailyUsage.objects.filter(organisation=organisation, service=OuterRef("pk"))
    # One day of each is looked up; of what only has to exist, all days might be read.
    found = Service.objects.annotate(some_day=Subquery(used.values("day")[:1]))
    found = found.filter(Q(some_day__isnull=False) | Q(slug__in=always)).order_by("name", "pk")
    named = found.annotate(names=ArrayAgg("definitions__dimensions__name", distinct=True))
    services = list(named[:MOST_SERVICES])
    dimensions = {
        one.pk: [name for name in one.names or () if name] for one in services if one.is_additive
    }
    return UsedServices(services, dimensions)


def read_days(
    organisation: Organisation,
    services: Sequence[Service],
    *,
    days: Days,
    by: str = "",
    grouped: Sequence[Service] = (),
    now: datetime,
) -> UsageDays:
    """Return the figures of days up to today, on the organisation's clock."""
    zone = organisation.zone
    starts = [start_of(day, zone) for day in [*days, days.end]]
    rows = _execute(organisation, services, days=days, starts=starts, by=by, grouped=grouped)
    windows = list(zip(days, starts, starts[1:], strict=False))
    kept = sorted_out(rows)
    with exactly():
        return UsageDays(
            days={
                one.pk: of_days(one, kept.get((DAY, one.pk, ""), NONE), windows, now)
                for one in services
            },
            groups={one.pk: groups_of(one, kept, windows, now) for one in grouped},
            late={days.first + ONE_DAY * r.number: int(r.quantity) for r in rows if r.kind == LATE},
            priced=_priced(rows, days),
        )


Windows = Sequence[tuple[Any, datetime, datetime]]
Rows = Mapping[tuple[int, int, str], Mapping[int, Row]]
NONE: Mapping[int, Row] = {}


def sorted_out(rows: Iterable[Row]) -> Rows:
    """Return rows by their number, by what they are about, service and value."""
    found: defaultdict[tuple[int, int, str], dict[int, Row]] = defaultdict(dict)
    for row in rows:
        found[row.kind, row.service, row.value][row.number] = row
    return found


def _priced(rows: Sequence[Row], days: Days) -> dict[date, list[int]]:
    found: dict[date, list[int]] = {}
    for row in rows:
        if row.kind == PRICE:
            found.setdefault(days.first + ONE_DAY * row.number, []).append(row.service)
    return found


def of_days(
    service: Service, rows: Mapping[int, Row], windows: Windows, now: datetime
) -> dict[Any, Figure]:
    """Return each day's figure, as usage.daily_figures has it."""
    if service.aggregation not in (Service.Aggregation.LEVEL, Service.Aggregation.PEAK):
        return {
            day: Figure(rows[number].quantity)
            for number, (day, _, _) in enumerate(windows)
            if number in rows
        }
    level, found = rows[-1].quantity if -1 in rows else ZERO, {}
    for number, (day, start, end) in enumerate(windows):
        row = rows.get(number, _NOTHING)
        if start > now:
            break
        if service.is_level:
            to_come = max(0, microseconds(end - now))
            lasted = microseconds(end - start) - to_come
            value = level * lasted + row.area - row.quantity * to_come
        else:
            value = level + row.high
        level += row.quantity
        found[day] = Figure(value, level)
    return found


def groups_of(
    service: Service, rows: Rows, windows: Windows, now: datetime
) -> dict[str, Mapping[Any, Figure]]:
    keys = sorted(key for key in rows if key[:2] == (GROUP, service.pk))
    return {key[2]: of_slots(service, rows[key], windows, now) for key in keys}


def of_slots(
    service: Service, rows: Mapping[int, Row], windows: Windows, now: datetime
) -> dict[Any, Figure]:
    """Return each window's figure of hours that are added up in it: see query_sql.LEVEL."""
    if not service.is_level:
        return of_days(service, rows, windows, now)
    level, found = rows[-1].quantity if -1 in rows else ZERO, {}
    for number, (window, start, end) in enumerate(windows):
        if start > now:
            break
        row, until = rows.get(number, _NOTHING), min(end, now)
        area = row.area + row.quantity * _epoch(until) - row.high
        found[window] = Figure(level * microseconds(until - start) + area, level + row.quantity)
        level += row.quantity
    return found


_NOTHING = Row(DAY, 0, "", 0, ZERO, ZERO, ZERO)


def _epoch(moment: datetime) -> int:
    return microseconds(moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo))


def _execute(
    organisation: Organisation,
    services: Sequence[Service],
    *,
    days: Days,
    starts: Sequence[datetime],
    by: str,
    grouped: Sequence[Service],
) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"{DAYS} UNION ALL {GROUPS}" if grouped else DAYS,
            {
                "owner": organisation.pk,
                "services": [one.pk for one in services],
                "levels": [one.pk for one in services if one.aggregation in ("level", "peak")],
                "first": days.first,
                "end": days.end,
                "starts": list(starts[:-1]),
                "ends": list(starts[1:]),
                "since": starts[0],
                "until": starts[-1],
                "by": by,
                "grouped": [one.pk for one in grouped],
                "grouped_levels": [one.pk for one in grouped if one.is_level],
                "slot": microseconds(slot_of(organisation.zone)),
                "most": MOST_LATE,
            },
        )
        return [Row(*row) for row in cursor.fetchall()]


DAYS = """
SELECT 0, service_id, '', day - %(first)s, quantity, area, coalesce(high, 0)
FROM billing_dailyusage
WHERE organisation_id = %(owner)s AND service_id = ANY(%(services)s::bigint[])
    AND day >= %(first)s AND day < %(end)s
UNION ALL
SELECT 0, service_id, '', -1, sum(quantity), 0, 0 FROM billing_dailyusage
WHERE organisation_id = %(owner)s AND service_id = ANY(%(levels)s::bigint[]) AND day < %(first)s
GROUP BY service_id
UNION ALL
SELECT 2, 0, '', (span.number - 1)::int, late.count, 0, 0
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
    WITH ORDINALITY AS span (starts_at, ends_at, number)
CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM eventstore_storedevent AS event
        WHERE event.tenant_id = %(owner)s AND event.type = 'usage.recorded'
            AND event.occurred_at >= span.starts_at AND event.occurred_at < span.ends_at
            AND event.recorded_at - event.occurred_at > interval '2 days'
        LIMIT %(most)s
    ) AS counted
) AS late
WHERE late.count > 0
UNION ALL
SELECT 3, service_id, '', starts_on - %(first)s, 0, 0, 0 FROM billing_priceoverride
WHERE organisation_id = %(owner)s AND starts_on >= %(first)s AND starts_on < %(end)s
    AND (ends_on IS NULL OR ends_on > starts_on)
"""
GROUPS = """
SELECT 1, service_id, coalesce(groups ->> %(by)s, ''),
    width_bucket(hour, %(starts)s::timestamptz[]) - 1,
    sum(quantity), sum(area), sum(quantity * (extract(epoch FROM hour) * 1000000 + %(slot)s))
FROM billing_hourlyusage
WHERE organisation_id = %(owner)s AND service_id = ANY(%(grouped)s::bigint[])
    AND hour < %(until)s
    AND (hour >= %(since)s OR service_id = ANY(%(grouped_levels)s::bigint[]))
GROUP BY 1, 2, 3, 4
"""
