"""How an organisation's usage is read: what can be asked for side by side is, in few rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from billing.dashboards.bill_so_far import (
    Agreed,
    Prices,
    bill_so_far,
    leaves,
    reading_prices,
)
from billing.dashboards.day_bills import bill_of_days, costs_by_service
from billing.dashboards.ranges import Range
from billing.dashboards.state import State
from billing.dashboards.usage_reads import UsageDays, reading_days
from billing.dashboards.used_services import UsedServices
from billing.invoicing.charging.by_period import Parts, parts_of
from billing.invoicing.charging.day_costs import Costs
from billing.invoicing.charging.rate import RatedPeriod, reading_rated
from billing.metering.folding import uncounted
from billing.periods import ONE_DAY, Days, day_of
from billing.together import Reading, read, together
from catacloud.accounts.models import Organisation

Bills = Sequence[RatedPeriod | None]  # of billing periods; None while there is no plan


@dataclass(frozen=True, slots=True)
class Known:
    """What a page shows. ``costs`` are those of days, by service; ``is_share`` says that the bill
    is a share of a billing period's; ``uncounted`` events of the last 30 days do not count.
    """

    usage: UsageDays
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

    @property
    def period(self) -> Days | None:
        """The one billing period that can be rated from its days alone; None where it cannot be,
        as that of a volume account or one that is divided, or where there are several.
        """
        [first, *others] = self.parts
        return None if others or leaves(self.agreed, first.period) else first.period


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
    """Read it all. What cannot be rated from the days that are shown is rated meanwhile."""
    is_left = asked.period is None
    (prices, usage, late), count, early = read(
        together(
            _reading(asked),
            uncounted.reading_recent(asked.organisation.pk, today=asked.now.date()),
            _reading_bills(asked, is_left=is_left),
        )
    )
    services = asked.used.services
    bills: Bills = early or late
    if not bills:
        bills = [bill_so_far(asked.organisation, prices, services, usage, now=asked.now)]
    billed = [(part, bill) for part, bill in zip(asked.parts, bills, strict=True) if bill]
    bill = bill_of_days(billed, services, usage)
    costs = costs_by_service(billed, services, usage) if bill else {}
    is_share = not all(part.is_whole for part in asked.parts)
    return Known(usage, bill, costs, is_share, count)


def _reading(asked: Question) -> Reading[tuple[Prices, UsageDays, Bills]]:
    used, state, period = asked.used, asked.state, asked.period
    prices = Prices(state.range.days)
    if period:
        prices = yield from reading_prices(asked.organisation, asked.agreed, used, days=period)
    by = used.with_dimension(state.by) if state.by else []
    usage, bills = yield from together(
        reading_days(
            asked.organisation,
            used.services,
            days=days_to_read(state.range, asked.agreed, today=asked.today),
            grouped={*by, *prices.grouped},
            now=asked.now,
        ),
        _reading_bills(asked, is_left=prices.left),
    )
    return prices, usage, bills


def _reading_bills(asked: Question, *, is_left: bool) -> Reading[Bills]:
    owner = asked.organisation.pk
    each = yield from together(
        *(
            reading_rated(days=part.period, now=asked.now, organisations=[owner])
            for part in (asked.parts if is_left else ())
        )
    )
    return [rated.get(owner) for rated in each]
