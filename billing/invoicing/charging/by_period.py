"""What any days cost: their parts of the bills of the billing periods that they are in.

As one period, a year's tiers and allowances would count once, and those of a month's last week as
often as somebody looks at it. See day_costs.py for what days cost of a period that is not all
theirs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.exact import ZERO, exactly
from billing.invoicing.charging.day_costs import Part, UsedBefore, cost_of, is_all
from billing.invoicing.charging.fees import Standing
from billing.invoicing.charging.rate import RatedPeriod, reading_rated
from billing.invoicing.charging.schedule import Cycle, Cycles, periods_of
from billing.invoicing.charging.standings import reading_standings
from billing.metering.folding import zoning
from billing.metering.models import Service
from billing.metering.querying.usage import PeriodFigure, reading_figures
from billing.periods import ONE_DAY, Days, day_of
from billing.prepared import prepared
from billing.together import Reading, together

Parts = tuple[Part, ...]
Owners = tuple[UUID, ...]
Rated = Mapping[UUID, RatedPeriod]
Known = Callable[[Days], Sequence[PeriodFigure] | None]
ByService = Mapping[tuple[UUID, int], Decimal]


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


def _nothing(days: Days) -> Sequence[PeriodFigure] | None:
    return None


class Asked(NamedTuple):
    """Days whose costs are asked for.

    Figures that are ``known`` of days spare reading them, where these are all of a period so far;
    else those of the period, and of days at its end. They are of all organisations.
    ``as_it_stood`` leaves out of bills what came about after the days, to compare two spans of days
    fairly.
    """

    days: Days
    known: Known = _nothing
    as_it_stood: bool = False


Bills = Mapping[UUID, Sequence[RatedPeriod]]
"""What days cost each organisation: their parts of bills, in the order of periods."""


def reading_bills_of_days(
    each: Sequence[Asked], *, now: datetime, organisations: Sequence[UUID]
) -> Reading[list[Bills]]:
    """Read what each of some spans of days costs, part by part as rate_organisations has a period.

    What several of them have alike is rated once.
    """
    standings, zones = yield from together(
        reading_standings(organisations), zoning.reading(organisations)
    )
    todays = {owner: day_of(now, zones.of(owner)) for owner in organisations}
    parts_of_each = [_by_parts(one, organisations, standings, todays) for one in each]
    readings: dict[tuple[Days, Days, date, Owners], Reading[Rated]] = {}
    keys_of_each = []
    for one, parts in zip(each, parts_of_each, strict=True):
        keys = []
        for part, owners in parts:
            key = part.period, part.days, min(part.until, part.period.end), owners
            if key not in readings:
                readings[key] = _reading_part(part, owners, now, one.known)
            keys.append(key)
        keys_of_each.append(keys)
    rated = dict(zip(readings, (yield from together(*readings.values())), strict=True))
    return [_in_order(rated[key] for key in keys) for keys in keys_of_each]


def _by_parts(
    asked: Asked,
    organisations: Sequence[UUID],
    standings: Mapping[UUID, Standing],
    todays: Mapping[UUID, date],
) -> list[tuple[Part, Owners]]:
    """Return the parts of periods that days are, in their order, and whose they are."""
    stood = asked.days.end if asked.as_it_stood else None
    alike: defaultdict[tuple[date, tuple[tuple[date, Cycle], ...]], list[UUID]] = defaultdict(list)
    for owner in organisations:
        alike[todays[owner], tuple(standings[owner].cycles)].append(owner)
    return [
        (part, tuple(owners))
        for (today, cycles), owners in alike.items()
        for part in parts_of(asked.days, cycles, today=today, stood=stood)
    ]


def _in_order(each: Iterable[Rated]) -> Bills:
    bills: defaultdict[UUID, list[RatedPeriod]] = defaultdict(list)
    for rated in each:
        for owner, bill in rated.items():
            bills[owner].append(bill)
    return dict(bills)


def _reading_part(part: Part, organisations: Owners, now: datetime, known: Known) -> Reading[Rated]:
    figures = known(part.days if part.is_whole else part.period)
    rated = yield from reading_rated(
        days=part.period, now=now, organisations=organisations, figures=figures
    )
    if all(is_all(part, bill) for bill in rated.values()):
        found: Rated = rated
        return found
    used = yield from _reading_used(part, rated, now, known)
    return {owner: cost_of(part, bill, used.of(owner)) for owner, bill in rated.items()}


@dataclass(frozen=True, slots=True)
class _Used:
    """What was used of services that add up, from the start of a span up to days of it."""

    services: frozenset[int]
    figures: Mapping[Days, ByService] = field(default_factory=dict)

    def of(self, owner: UUID) -> UsedBefore:
        def before(service: int, span: Days, day: date) -> Decimal | None:
            if service not in self.services:
                return None
            if day <= span.first:
                return ZERO
            return self.figures[Days(span.first, day)].get((owner, service), ZERO)

        return before


def _reading_used(part: Part, rated: Rated, now: datetime, known: Known) -> Reading[_Used]:
    """Read what was used of each span: up to where the days begin and end in it, and in all."""
    asked: defaultdict[Days, list[UUID]] = defaultdict(list)
    for owner, bill in rated.items():
        for span in [span.days for span in bill.spans] or [part.period]:
            end = min(span.end, part.until)
            for day in {part.days.first, part.days.end, end}:
                if span.first < day <= end:
                    asked[Days(span.first, day)].append(owner)
    used = {days: rows for days in asked if (rows := _known_of(days, part, known)) is not None}
    unread = {days: owners for days, owners in asked.items() if days not in used}
    services, each = yield from together(
        _reading_additive(),
        together(
            *(
                reading_figures(days=days, now=now, organisations=owners)
                for days, owners in unread.items()
            )
        ),
    )
    used |= {days: _by_service(rows) for days, rows in zip(unread, each, strict=True)}
    return _Used(services, used)


def _known_of(days: Days, part: Part, known: Known) -> ByService | None:
    """Return what services that add up came to on days, where it is known, or follows from that:
    before the part's days it is what these leave of the period so far.
    """
    if (rows := known(days)) is not None:
        return _by_service(rows)
    period, end_so_far = part.period, min(part.period.end, part.until)
    if days.first != period.first or (whole := known(period)) is None:
        return None
    if days.end == end_so_far:  # of its days to come nothing is counted yet
        return _by_service(whole)
    is_rest_left_out = days.end == part.days.first and part.days.end >= end_so_far
    if not is_rest_left_out or (rest := known(part.days)) is None:
        return None
    left_out = _by_service(rest)
    with exactly():
        return {key: figure - left_out.get(key, ZERO) for key, figure in _by_service(whole).items()}


def _by_service(rows: Iterable[PeriodFigure]) -> ByService:
    return {(row.organisation_id, row.service_id): row.figure for row in rows}


def _reading_additive() -> Reading[frozenset[int]]:
    [rows] = yield [_additive()]
    return frozenset(pk for (pk,) in rows)


@prepared
def _additive() -> QuerySet[Service, tuple[int]]:
    kinds = [Q(aggregation=kind.value) for kind in Service.ADDITIVE]
    return Service.objects.order_by().filter(reduce(or_, kinds)).values_list("pk")
