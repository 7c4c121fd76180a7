"""What any days cost: their parts of the bills of the billing periods that they are in.

As one period, a year's tiers and allowances would count once, and those of a month's last week as
often as somebody looks at it. See day_costs.py for what days cost of a period that is not all
theirs.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from types import MappingProxyType
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.exact import ZERO
from billing.invoicing.charging.day_costs import Part, UsedBefore, cost_of
from billing.invoicing.charging.rate import RatedPeriod, reading_rated
from billing.invoicing.charging.rated import added
from billing.invoicing.charging.schedule import Cycles, periods_of
from billing.invoicing.charging.standings import reading_standings
from billing.metering.folding import zoning
from billing.metering.models import Service
from billing.metering.querying.usage import PeriodFigure, reading_figures
from billing.periods import ONE_DAY, Days, day_of
from billing.prepared import prepared
from billing.together import Reading, together

Parts = tuple[Part, ...]


def parts_of(days: Days, cycles: Cycles, *, today: date, stood: date | None = None) -> Parts:
    """Return which days of which billing periods some days are; of bills as they ``stood`` at the
    start of a day, if that is asked for.
    """
    until = min(today + ONE_DAY, stood or date.max)
    return tuple(
        Part(
            period if stood is None else Days(period.first, min(period.end, stood)),
            Days(max(period.first, days.first), min(period.end, days.end)),
            until,
        )
        for period in periods_of(days, cycles)
    )


def reading_cost_of_days(
    *,
    days: Days,
    now: datetime,
    organisations: Sequence[UUID],
    known: Mapping[Days, Sequence[PeriodFigure]] = MappingProxyType({}),
    as_it_stood: bool = False,
) -> Reading[dict[UUID, RatedPeriod]]:
    """Read what days cost each organisation, as rate_organisations has it for a period.

    Figures that are ``known`` of days spare reading them where these are all of a period so far.
    ``as_it_stood`` leaves out of bills what came about after the days, to compare two spans of days
    fairly.
    """
    owners = yield from _by_parts(days, now, organisations, days.end if as_it_stood else None)
    asked = [(part, some) for parts, some in owners.items() for part in parts]
    each = yield from together(
        *(_reading_part(part, some, now, known.get(part.days)) for part, some in asked)
    )
    bills: defaultdict[UUID, list[RatedPeriod]] = defaultdict(list)
    for rated in each:
        for owner, bill in rated.items():
            bills[owner].append(bill)
    return {owner: added(some) if len(some) > 1 else some[0] for owner, some in bills.items()}


def _by_parts(
    days: Days, now: datetime, organisations: Sequence[UUID], stood: date | None
) -> Reading[Mapping[Parts, list[UUID]]]:
    """Return whose days are which parts of periods."""
    standings, zones = yield from together(
        reading_standings(organisations), zoning.reading(organisations)
    )
    found: defaultdict[Parts, list[UUID]] = defaultdict(list)
    for owner in organisations:
        today = day_of(now, zones.of(owner))
        parts = parts_of(days, standings[owner].cycles, today=today, stood=stood)
        found[parts].append(owner)
    return found


def _reading_part(
    part: Part,
    organisations: Sequence[UUID],
    now: datetime,
    figures: Sequence[PeriodFigure] | None,
) -> Reading[dict[UUID, RatedPeriod]]:
    rated = yield from reading_rated(
        days=part.period,
        now=now,
        organisations=organisations,
        figures=figures if part.is_whole else None,
    )
    if part.is_whole or not rated:
        found: dict[UUID, RatedPeriod] = rated
        return found
    used = yield from _reading_used(part, rated, now)
    return {owner: cost_of(part, bill, used.of(owner)) for owner, bill in rated.items()}


@dataclass(frozen=True, slots=True)
class _Used:
    """What was used of services that add up, from the start of a span up to days of it."""

    services: frozenset[int]
    figures: Mapping[Days, Mapping[tuple[UUID, int], Decimal]] = field(default_factory=dict)

    def of(self, owner: UUID) -> UsedBefore:
        def before(service: int, span: Days, day: date) -> Decimal | None:
            if service not in self.services:
                return None
            if day <= span.first:
                return ZERO
            return self.figures[Days(span.first, day)].get((owner, service), ZERO)

        return before


def _reading_used(part: Part, rated: Mapping[UUID, RatedPeriod], now: datetime) -> Reading[_Used]:
    """Read what was used of each span: up to where the days begin and end in it, and in all."""
    asked: defaultdict[Days, list[UUID]] = defaultdict(list)
    for owner, bill in rated.items():
        for span in [span.days for span in bill.spans] or [part.period]:
            end = min(span.end, part.until)
            for day in {part.days.first, part.days.end, end}:
                if span.first < day <= end:
                    asked[Days(span.first, day)].append(owner)
    services, each = yield from together(
        _reading_additive(),
        together(
            *(
                reading_figures(days=days, now=now, organisations=owners)
                for days, owners in asked.items()
            )
        ),
    )
    return _Used(
        services,
        {
            days: {(row.organisation_id, row.service_id): row.figure for row in rows}
            for days, rows in zip(asked, each, strict=True)
        },
    )


def _reading_additive() -> Reading[frozenset[int]]:
    [rows] = yield [_additive()]
    return frozenset(pk for (pk,) in rows)


@prepared
def _additive() -> QuerySet[Service, tuple[int]]:
    kinds = [Q(aggregation=kind.value) for kind in Service.ADDITIVE]
    return Service.objects.order_by().filter(reduce(or_, kinds)).values_list("pk")
