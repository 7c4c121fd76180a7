"""Which periods of some organisations are worked out anew, and that they are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from billing.invoicing.charging.schedule import Cycles, periods_of
from billing.invoicing.charging.standings import reading_standings
from billing.metering.folding import zoning
from billing.periods import ONE_DAY, Days, day_of
from billing.revenue import writing
from billing.revenue.agreed import digests_of
from billing.revenue.models import PeriodRevenue
from billing.revenue.working_out import work_out
from billing.together import read, together


@dataclass(frozen=True, slots=True)
class Wanted:
    """Periods that have some of these days, as far as they are not to come.

    Those that were over when they were worked out are not again, unless ``is_anew``.
    """

    first: date
    end: date = date.max
    is_anew: bool = False
    goes_on: bool = False  # and those before from the first on that was not over


class _Kept(NamedTuple):
    first: date
    end: date
    agreed: int
    is_over: bool

    @property
    def days(self) -> Days:
        return Days(self.first, self.end)


def work(wanted: Mapping[UUID, Wanted], *, since: date, now: datetime) -> None:
    """Work out periods of some organisations and keep them, in the transaction around.

    Where something was agreed on anew, all that are kept are, and those ``since`` a day.
    """
    owners = list(wanted)
    standings, zones = read(together(reading_standings(owners), zoning.reading(owners)))
    agreed, kept = digests_of(owners), _kept(owners)
    periods: dict[UUID, Sequence[Days]] = {}
    for owner, asked in wanted.items():
        cycles, today = standings[owner].cycles, day_of(now, zones.of(owner))
        one = _widened(asked, kept[owner], agreed[owner], _since(cycles, since))
        end = min(one.end, today + ONE_DAY)
        if one.first < end:
            over = (
                set()
                if one.is_anew
                else {(row.first, row.end) for row in kept[owner] if row.is_over}
            )
            found = periods_of(Days(one.first, end), cycles)
            periods[owner] = [each for each in found if (each.first, each.end) not in over]
    periods = {owner: its for owner, its in periods.items() if its}
    if periods:
        writing.replace(work_out(periods, zones=zones, now=now), agreed=agreed)


def _since(cycles: Cycles, since: date) -> date:
    return max(since, cycles[0][0]) if cycles else date.max


def _widened(one: Wanted, kept: Sequence[_Kept], agreed: int, since: date) -> Wanted:
    """Return what is wanted, with all days whose periods may be others now."""
    if any(row.agreed != agreed for row in kept):
        return Wanted(min(one.first, since, *(row.first for row in kept)), is_anew=True)
    if one.goes_on:
        first = min([one.first, *(row.first for row in kept if not row.is_over)])
        return Wanted(first, one.end)
    return one


def _kept(owners: Sequence[UUID]) -> Mapping[UUID, Sequence[_Kept]]:
    found: defaultdict[UUID, list[_Kept]] = defaultdict(list)
    rows = PeriodRevenue.objects.filter(organisation__in=owners)
    for owner, first, end, agreed, is_over in rows.values_list("organisation_id", *_Kept._fields):
        found[owner].append(_Kept(first, end, agreed, is_over))
    return found
