"""What days cost that begin with a billing period and go beyond it: each is rated as it is billed.

As one period, a year's tiers and allowances would count once. Days that begin within a period are
rated as one: nobody is billed for them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from billing.exact import ZERO, exactly
from billing.invoicing.charging.lines import RatedLine
from billing.invoicing.charging.rate import RatedPeriod, reading_rated
from billing.invoicing.charging.schedule import Cycle
from billing.invoicing.charging.standings import reading_standings
from billing.metering.querying.usage import PeriodFigure
from billing.periods import Days
from billing.together import Reading, together

SHORTEST = 28  # days of a period: who asks for no more need not know whose they are


def periods_in(days: Days, cycle: Cycle) -> tuple[Days, ...]:
    """Return the periods that days are, the last as far as they go; or the days as they are."""
    period = cycle.period_of(days.first)
    if period.first != days.first:
        return (days,)
    periods = []
    while period.first < days.end:
        periods.append(Days(period.first, min(period.end, days.end)))
        period = cycle.after(period)
    return tuple(periods)


def reading_rated_by_period(
    *,
    days: Days,
    now: datetime,
    organisations: Sequence[UUID],
    figures: Sequence[PeriodFigure] | None = None,
) -> Reading[dict[UUID, RatedPeriod]]:
    """Read what rate_organisations returns, of each billing period of an organisation.

    ``figures`` of all the days are used for those whose days are one period.
    """
    owners = yield from _by_periods(days, organisations)
    asked = [(period, some) for periods, some in owners.items() for period in periods]
    each = yield from together(
        *(
            reading_rated(
                days=period,
                now=now,
                organisations=some,
                figures=figures if period == days else None,
            )
            for period, some in asked
        )
    )
    bills: defaultdict[UUID, list[RatedPeriod]] = defaultdict(list)
    for rated in each:
        for owner, bill in rated.items():
            bills[owner].append(bill)
    return {owner: added(some) for owner, some in bills.items()}


def _by_periods(
    days: Days, organisations: Sequence[UUID]
) -> Reading[Mapping[tuple[Days, ...], list[UUID]]]:
    """Return whose days are which periods."""
    if len(days) <= SHORTEST:
        return {(days,): list(organisations)}
    standings = yield from reading_standings(organisations)
    found: defaultdict[tuple[Days, ...], list[UUID]] = defaultdict(list)
    for owner in organisations:
        stay = standings[owner].on(days.last)
        found[periods_in(days, stay.cycle if stay else Cycle())].append(owner)
    return found


def added(bills: Sequence[RatedPeriod]) -> RatedPeriod:
    """Add up bills of periods, in their order, to the cent that they are billed at.

    They are in the currency of the last: what is in others does not add up.
    """
    last = bills[-1]
    if len(bills) == 1:
        return last
    each = [bill for bill in bills if bill.currency == last.currency]
    lines: dict[tuple[int, str, str], RatedLine] = {}
    for line in (line for bill in each for line in bill.lines):
        key = line.service_id, line.value, line.tax_class
        lines[key] = _both(lines[key], line) if key in lines else line
    with exactly():
        total = sum((bill.total for bill in each), ZERO)
    return replace(last, total=total, lines=tuple(_in_order(lines.values())))


def _both(one: RatedLine, other: RatedLine) -> RatedLine:
    with exactly():
        return replace(
            one,
            quantity=one.quantity + other.quantity,
            amount=one.amount + other.amount,
            working=(*one.working, *other.working),
        )


def _in_order(lines: Iterable[RatedLine]) -> list[RatedLine]:
    return sorted(lines, key=lambda line: (line.service_name, line.service_id))
