"""Work out what days of some organisations brought in: a period is rated once for all its days."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import accumulate
from uuid import UUID

from billing.exact import EXACT, ZERO, exactly
from billing.invoicing.charging.day_costs import Costs, Part, UsedBefore, costs_per_day
from billing.invoicing.charging.rate import RatedPeriod, reading_rated
from billing.metering.models import Service
from billing.metering.querying.many_days import Asked, Figures, figures_of_days
from billing.metering.querying.usage import PeriodFigure
from billing.periods import ONE_DAY, Days, Zones, day_of
from billing.together import read, together

Amounts = Sequence[Decimal]


@dataclass(frozen=True, slots=True)
class Worked:
    """What the days of an organisation's period brought in, up to today, by service."""

    organisation_id: UUID
    period: Days
    currency: str  # empty without a price plan
    services: Mapping[int, Amounts]
    is_over: bool

    @property
    def total(self) -> list[Decimal]:
        """What each day brought in."""
        with exactly():
            return [sum(each, ZERO) for each in zip(*self.services.values(), strict=True)]


def work_out(wanted: Mapping[UUID, Sequence[Days]], *, zones: Zones, now: datetime) -> list[Worked]:
    """Return what the days of whole billing periods brought in, up to today. Those of each
    organisation are in their order.
    """
    owners: defaultdict[Part, list[UUID]] = defaultdict(list)
    for owner, periods in wanted.items():
        until = day_of(now, zones.of(owner)) + ONE_DAY
        for period in periods:
            owners[Part(period, period, until)].append(owner)
    used = _Usage.read(wanted, zones=zones, now=now)
    each = read(
        together(
            *(
                reading_rated(
                    days=part.period,
                    now=now,
                    organisations=some,
                    figures=used.figures(part.period, some),
                )
                for part, some in owners.items()
            )
        )
    )
    return [
        _worked(owner, part, rated.get(owner), used)
        for (part, some), rated in zip(owners.items(), each, strict=True)
        for owner in some
    ]


def _worked(owner: UUID, part: Part, bill: RatedPeriod | None, used: "_Usage") -> Worked:
    is_over = part.period.end < part.until
    if bill is None:
        return Worked(owner, part.period, "", {}, is_over)
    days = [day for day in part.days if day < part.until]
    found = costs_per_day(part, bill, used.before(owner))
    services = {pk: _in_order(costs, days) for pk, costs in found.items() if any(costs.values())}
    return Worked(owner, part.period, bill.currency, services, is_over)


def _in_order(costs: Costs, days: Iterable[date]) -> list[Decimal]:
    return [costs[day] for day in days]


@dataclass(frozen=True, slots=True)
class _Usage:
    """What was used of services that add up, from the first day of each organisation on."""

    services: frozenset[int]
    is_all: bool  # there are no other services
    firsts: Mapping[UUID, date]
    sums: Mapping[tuple[UUID, int], Sequence[Decimal]]  # up to each day, beginning with nothing

    @classmethod
    def read(
        cls, wanted: Mapping[UUID, Sequence[Days]], *, zones: Zones, now: datetime
    ) -> "_Usage":
        every = list(Service.objects.all())
        services = [one for one in every if one.is_additive]
        asked = [
            Asked(owner, Days(periods[0].first, periods[-1].end))
            for owner, periods in wanted.items()
        ]
        figures: Figures = figures_of_days(asked, services=services, zones=zones, now=now)
        with exactly():
            sums = {key: list(accumulate(own, initial=ZERO)) for key, own in figures.items()}
        firsts = {one.organisation_id: one.days.first for one in asked}
        is_all = len(services) == len(every)
        return cls(frozenset(one.pk for one in services), is_all, firsts, sums)

    def figures(self, period: Days, owners: Iterable[UUID]) -> list[PeriodFigure] | None:
        """Return what days of a period come to together; None where that does not say it all."""
        if not self.is_all:
            return None
        found = []
        for owner in owners:
            first, end = ((day - self.firsts[owner]).days for day in (period.first, period.end))
            for service in self.services:
                if sums := self.sums.get((owner, service)):
                    figure = EXACT.subtract(sums[min(end, len(sums) - 1)], sums[first])
                    found.append(PeriodFigure(owner, service, figure, ZERO))
        return found

    def before(self, owner: UUID) -> UsedBefore:
        first = self.firsts[owner]

        def before(service: int, span: Days, day: date) -> Decimal | None:
            if service not in self.services:
                return None
            if (sums := self.sums.get((owner, service))) is None:
                return ZERO
            return EXACT.subtract(sums[(day - first).days], sums[(span.first - first).days])

        return before
