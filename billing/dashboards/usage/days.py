"""One organisation's days, read in one statement: by service, and by a dimension's values.

Nothing is read twice, and of days that are not shown only what a level starts from.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import repeat
from typing import Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db import models

from billing.dashboards.stamps import OF_OWN, OWN_DAYS
from billing.exact import ZERO, exactly
from billing.metering.models import Service
from billing.periods import ONE_DAY, Days, microseconds, slot_of, start_of
from billing.together import Raw, Reading
from catacloud.accounts.models import Organisation

MOST_LATE = 100  # events of a day: more are not counted
DAY, GROUP, LATE, PRICE, STAMP_KIND = range(5)  # what a row is about


class Figure(NamedTuple):
    """What a day or an hour comes to, in the service's raw unit, and where a level stood after."""

    figure: Decimal
    level: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class UsageDays:
    """By the service's primary key its days, and by its dimension, too, the days of each value.

    Days with nothing are absent, but of a level. ``late`` counts events that came late, by the day
    that they are of; ``priced`` has the days on which a price of the organisation's own begins.
    """

    days: Mapping[int, Mapping[date, Figure]]
    groups: Mapping[tuple[int, str], Mapping[str, Mapping[date, Figure]]] = field(
        default_factory=dict
    )
    late: Mapping[date, int] = field(default_factory=dict)
    priced: Mapping[date, Sequence[int]] = field(default_factory=dict)
    stamp: str = ""  # see stamps.py


# What statements here return: what a row is about, its service and value; the number of its day or
# hour among those asked for, where -1 is what was before all of them; and what changed then: the
# quantity, the area, and the high of a peak, or of a group the quantities × their slot's end, in µs
# since 1970. They are as they were read, for a page has a thousand of them.
Row = tuple[int, int, str, int, Decimal, Decimal, Decimal]
Changes = tuple[Decimal, Decimal, Decimal]
# Those of the same kind, service and value in one, a list of each column; of zeros alone there is
# none. A year of days takes half the time to read so.
Together = tuple[
    int, int, str, list[int], list[Decimal], list[Decimal] | None, list[Decimal] | None
]
NOTHING = ZERO, ZERO, ZERO


def reading_days(
    organisation: Organisation,
    services: Sequence[Service],
    *,
    days: Days,
    shown: Days,
    grouped: Collection[tuple[int, str]] = (),
    now: datetime,
) -> Reading[UsageDays]:
    """Read the days up to today; ``grouped`` has the keys of UsageDays.groups that are read. Only
    of days that are ``shown`` is told what came late; what was before the organisation came itself
    is its history, and not late.
    """
    starts = [start_of(day, organisation.zone) for day in [*days, days.end]]
    asked = _asked(organisation, services, days=days, starts=starts, grouped=grouped)
    first = (shown.first - days.first).days
    asked["shown"] = starts[first : first + len(shown) + 1]
    sql = f"{DAYS} UNION ALL {GROUPS}" if grouped else DAYS
    [found] = yield [Raw(TOGETHER.format(rows=sql), asked, COLUMNS, is_planned_once=True)]
    windows = list(zip(days, starts, starts[1:], strict=False))
    kept, own = _told_apart(found), {one.pk: one for one in services}
    late = kept.get((LATE, 0, ""), NONE)
    with exactly():
        return UsageDays(
            {
                pk: of_days(one, kept.get((DAY, pk, ""), NONE), windows, now)
                for pk, one in own.items()
            },
            {
                (pk, name): groups_of(own[pk], name, kept, windows, now)
                for pk, name in grouped  # a price may be for what was never used
                if pk in own
            },
            {shown.first + ONE_DAY * at: int(count) for at, (count, _, _) in late.items()},
            _priced(kept, days),
            stamp=next(value for kind, _, value in kept if kind == STAMP_KIND),
        )


Windows = Sequence[tuple[Any, datetime, datetime]]
Rows = Mapping[tuple[int, int, str], Mapping[int, Changes]]
NONE: Mapping[int, Changes] = {}


def _told_apart(rows: Iterable[Together]) -> Rows:
    """Return what :func:`sorted_out` does, of rows that the database put together."""
    return {
        (kind, service, value): dict(
            zip(
                numbers,
                zip(quantities, areas or repeat(ZERO), highs or repeat(ZERO), strict=False),
                strict=True,
            )
        )
        for kind, service, value, numbers, quantities, areas, highs in rows
    }


def sorted_out(rows: Iterable[Row]) -> Rows:
    """Return what changed by number, by what it is about, service and value."""
    found: defaultdict[tuple[int, int, str], dict[int, Changes]] = defaultdict(dict)
    for kind, service, value, number, quantity, area, high in rows:
        found[kind, service, value][number] = quantity, area, high
    return found


def _priced(rows: Rows, days: Days) -> dict[date, list[int]]:
    found: dict[date, list[int]] = {}
    for kind, service, _ in rows:
        for number in rows[kind, service, ""] if kind == PRICE else ():
            found.setdefault(days.first + ONE_DAY * number, []).append(service)
    return found


def of_days(
    service: Service, rows: Mapping[int, Changes], windows: Windows, now: datetime
) -> dict[Any, Figure]:
    """Return each day's figure, as usage.daily_figures has it."""
    if service.aggregation not in (Service.Aggregation.LEVEL, Service.Aggregation.PEAK):
        return {
            day: Figure(rows[number][0])
            for number, (day, _, _) in enumerate(windows)
            if number in rows
        }
    (level, _, _), found = rows.get(-1, NOTHING), {}
    for number, (day, start, end) in enumerate(windows):
        if start > now:
            break
        quantity, area, high = rows.get(number, NOTHING)
        if service.is_level:
            to_come = microseconds(end - now) if end > now else 0
            lasted = microseconds(end - start) - to_come
            value = level * lasted + area - quantity * to_come
        else:
            value = level + high
        level += quantity
        found[day] = Figure(value, level)
    return found


def groups_of(
    service: Service, name: str, rows: Rows, windows: Windows, now: datetime
) -> dict[str, Mapping[Any, Figure]]:
    """Return the windows of each value of a dimension, which rows have as ``name=value``."""
    start = f"{name}="
    keys = [key for key in rows if key[:2] == (GROUP, service.pk) and key[2].startswith(start)]
    return {
        key[2].removeprefix(start): of_slots(service, rows[key], windows, now)
        for key in sorted(keys)
    }


def of_slots(
    service: Service, rows: Mapping[int, Changes], windows: Windows, now: datetime
) -> dict[Any, Figure]:
    """Return each window's figure of hours that are added up in it: see query_sql.LEVEL."""
    if not service.is_level:
        return of_days(service, rows, windows, now)
    (level, _, _), found = rows.get(-1, NOTHING), {}
    for number, (window, start, end) in enumerate(windows):
        if start > now:
            break
        (quantity, area, ends), until = rows.get(number, NOTHING), min(end, now)
        area += quantity * _epoch(until) - ends
        found[window] = Figure(level * microseconds(until - start) + area, level + quantity)
        level += quantity
    return found


def _epoch(moment: datetime) -> int:
    return microseconds(moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo))


def _asked(
    organisation: Organisation,
    services: Sequence[Service],
    *,
    days: Days,
    starts: Sequence[datetime],
    grouped: Collection[tuple[int, str]],
) -> dict[str, Any]:
    return {
        "owner": organisation.pk,
        "services": [one.pk for one in services],
        "levels": [one.pk for one in services if one.aggregation in ("level", "peak")],
        "first": days.first,
        "end": days.end,
        "starts": list(starts[:-1]),
        "since": starts[0],
        "until": starts[-1],
        "grouped": [pk for pk, _ in grouped],
        "names": [name for _, name in grouped],
        "joined": organisation.created_at,
        "slot": microseconds(slot_of(organisation.zone)),
        "most": MOST_LATE,
    }


COLUMNS = (
    models.IntegerField(),
    models.BigIntegerField(),
    models.TextField(),
    ArrayField(models.IntegerField()),
    ArrayField(models.DecimalField()),
    ArrayField(models.DecimalField()),
    ArrayField(models.DecimalField()),
)
TOGETHER = """
SELECT kind, service, value, array_agg(number), array_agg(quantity),
    CASE WHEN bool_or(area <> 0) THEN array_agg(area) END,
    CASE WHEN bool_or(high <> 0) THEN array_agg(high) END
FROM ({rows}) AS row (kind, service, value, number, quantity, area, high)
GROUP BY kind, service, value
"""
DAYS = f"""
WITH own AS MATERIALIZED ({OWN_DAYS})
SELECT 0, service_id, '', day - %(first)s, quantity, area, coalesce(high, 0)
FROM own
WHERE service_id = ANY(%(services)s::bigint[])
UNION ALL
SELECT 0, service_id, '', -1, sum(quantity), 0, 0
FROM (
    SELECT service_id, quantity FROM billing_levelmonth
    WHERE organisation_id = %(owner)s AND service_id = ANY(%(levels)s::bigint[])
        AND month < date_trunc('month', %(first)s::date)::date
    UNION ALL
    SELECT service_id, quantity FROM billing_dailyusage
    WHERE organisation_id = %(owner)s AND service_id = ANY(%(levels)s::bigint[])
        AND day >= date_trunc('month', %(first)s::date)::date AND day < %(first)s
) AS before
GROUP BY service_id
UNION ALL
SELECT 2, 0, '', (span.number - 1)::int, late.count, 0, 0
FROM (
    SELECT starts_at, number, lead(starts_at) OVER (ORDER BY number) AS ends_at
    FROM unnest(%(shown)s::timestamptz[]) WITH ORDINALITY AS each (starts_at, number)
) AS span
CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM eventstore_storedevent AS event
        WHERE event.tenant_id = %(owner)s AND event.type = 'usage.recorded'
            AND event.occurred_at >= span.starts_at AND event.occurred_at < span.ends_at
            AND event.recorded_at - event.occurred_at > interval '2 days'
            AND event.occurred_at >= %(joined)s
        LIMIT %(most)s
    ) AS counted
) AS late
WHERE late.count > 0
UNION ALL
SELECT 3, service_id, '', starts_on - %(first)s, 0, 0, 0 FROM billing_priceoverride
WHERE organisation_id = %(owner)s AND starts_on >= %(first)s AND starts_on < %(end)s
    AND (ends_on IS NULL OR ends_on > starts_on)
UNION ALL
SELECT 4, 0, ({OF_OWN}), 0, 0, 0, 0
"""  # noqa: S608 (constants only)
GROUPS = """
SELECT 1, service_id, name || '=' || coalesce(groups ->> name, ''),
    width_bucket(hour, %(starts)s::timestamptz[]) - 1,
    sum(quantity), sum(area), sum(quantity * (extract(epoch FROM hour) * 1000000 + %(slot)s))
FROM unnest(%(grouped)s::bigint[], %(names)s::text[]) AS asked (service, name)
JOIN billing_hourlyusage AS usage ON usage.service_id = asked.service
WHERE organisation_id = %(owner)s AND hour < %(until)s
    AND (hour >= %(since)s OR service_id = ANY(%(levels)s::bigint[]))
GROUP BY 1, 2, 3, 4
"""
