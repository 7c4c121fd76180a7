"""How an organisation's usage is read: what can be asked for side by side is, in few rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from billing.dashboards.grains import DAY
from billing.dashboards.ranges import Range
from billing.dashboards.usage.bill_so_far import (
    Agreed,
    Prices,
    bill_so_far,
    reading_prices,
)
from billing.dashboards.usage.day_bills import bill_of_days, costs_by_service
from billing.dashboards.usage.days import UsageDays, reading_days
from billing.dashboards.usage.distinct import Distinct, reading_distinct
from billing.dashboards.usage.state import State
from billing.dashboards.usage.used_services import UsedServices
from billing.invoicing.charging.by_period import Parts, parts_of
from billing.invoicing.charging.day_costs import Costs
from billing.invoicing.charging.rate import RatedPeriod, reading_rated
from billing.metering.folding import uncounted
from billing.periods import ONE_DAY, Days, day_of
from billing.together import Reading, read, together
from catacloud.accounts.models import Organisation

Bills = Mapping[Days, RatedPeriod | None]  # of billing periods; None while there is no plan


@dataclass(frozen=True, slots=True)
class Known:
    """What a page shows. ``costs`` are those of the range's places, by service; ``is_share`` says
    that the bill is a share of a billing period's; ``uncounted`` events of the last 30 days do not
    count.
    """

    usage: UsageDays
    distinct: Distinct  # in weeks or months, where these are shown
    bill: RatedPeriod | None
    costs: Mapping[int, Costs]
    is_share: bool
    uncounted: int


@dataclass(frozen=True)
class Question:
    """Whose usage is shown, and in which state."""

    organisation: Organisation
    agreed: Agreed
    used: UsedServices
    state: State
    now: datetime

    @property
    def today(self) -> date:
        return day_of(self.now, self.organisation.zone)

    @cached_property
    def parts(self) -> Parts:
        """The billing periods that have some of the days, and which of them."""
        return parts_of(self.state.range.days, self.agreed.cycles, today=self.today)


def days_to_read(asked: Range, agreed: Agreed, *, today: date) -> Days:
    """Return the days shown, those before, and all of the billing periods that are shown in part:
    a day costs its share of what they come to.
    """
    parts = parts_of(asked.days, agreed.cycles, today=today)
    return Days(
        min(asked.read.first, parts[0].period.first),
        max(asked.read.end, min(parts[-1].period.end, today + ONE_DAY)),
    )


def read_usage(asked: Question) -> Known:
    """Read it all. What cannot be rated from days is rated meanwhile."""
    (prices, usage, rated), distinct, count = read(
        together(
            _reading(asked),
            _reading_distinct(asked),
            uncounted.reading_recent(asked.organisation.pk, today=asked.now.date()),
        )
    )
    services = asked.used.services
    bills = [
        rated[one.days]
        if one.days in rated
        else bill_so_far(asked.organisation, one, services, usage, now=asked.now)
        for one in prices
    ]
    billed = [(part, bill) for part, bill in zip(asked.parts, bills, strict=True) if bill]
    bill = bill_of_days(billed, services, usage)
    places = asked.state.range.places
    costs = costs_by_service(billed, services, usage, places) if bill else {}
    is_share = not all(part.is_whole for part in asked.parts)
    return Known(usage, distinct, bill, costs, is_share, count)


def _reading(asked: Question) -> Reading[tuple[Sequence[Prices], UsageDays, Bills]]:
    """Read the prices of each billing period; then the days, and the bills of periods whose prices
    need more than days.
    """
    used, state = asked.used, asked.state
    prices = yield from together(
        *(
            reading_prices(asked.organisation, asked.agreed, used, days=part.period)
            for part in asked.parts
        )
    )
    # Of one period its values are read day by day; of a year that would be most that a page reads.
    left = [one.days for one in prices if one.left or (one.grouped and len(prices) > 1)]
    by = used.with_dimension(state.by) if state.by else []
    usage, bills = yield from together(
        reading_days(
            asked.organisation,
            used.services,
            days=days_to_read(state.range, asked.agreed, today=asked.today),
            shown=state.range.days,
            grouped={*by, *(key for one in prices if one.days not in left for key in one.grouped)},
            now=asked.now,
        ),
        _reading_bills(asked, left),
    )
    return prices, usage, bills


def _reading_distinct(asked: Question) -> Reading[Distinct]:
    shown, services = asked.state.range, asked.used.services
    if shown.grain == DAY:  # of which days tell
        return {}
    places = [*shown.places, *(shown.before_places if shown.is_compared else ())]
    return (yield from reading_distinct(asked.organisation, services, places))


def _reading_bills(asked: Question, periods: Sequence[Days]) -> Reading[Bills]:
    owner = asked.organisation.pk
    each = yield from together(
        *(reading_rated(days=one, now=asked.now, organisations=[owner]) for one in periods)
    )
    return {days: rated.get(owner) for days, rated in zip(periods, each, strict=True)}
