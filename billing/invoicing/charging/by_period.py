"""What days cost that begin with a billing period and go beyond it: each is rated as it is billed.

As one period, a year's tiers and allowances would count once. Days that begin within a period are
rated as one: nobody is billed for them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from billing.invoicing.charging.rate import RatedPeriod, reading_rated
from billing.invoicing.charging.rated import added
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
    return {owner: added(some) if len(some) > 1 else some[0] for owner, some in bills.items()}


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
