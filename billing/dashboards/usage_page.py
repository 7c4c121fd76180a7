"""How an organisation's usage is read: what can be asked for side by side is, in few rounds."""

from dataclasses import dataclass
from datetime import datetime

from billing.dashboards.bill_so_far import (
    Agreed,
    Prices,
    bill_so_far,
    leaves,
    reading_prices,
)
from billing.dashboards.state import State
from billing.dashboards.usage_reads import UsageDays, reading_days
from billing.dashboards.used_services import UsedServices
from billing.invoicing.charging.by_period import periods_in, reading_rated_by_period
from billing.invoicing.charging.rate import RatedPeriod
from billing.metering.folding import uncounted
from billing.periods import Days
from billing.together import Reading, read, together
from catacloud.accounts.models import Organisation


@dataclass(frozen=True, slots=True)
class Known:
    """What a page shows; ``uncounted`` events of the last 30 days do not count."""

    usage: UsageDays
    bill: RatedPeriod | None
    uncounted: int


@dataclass(frozen=True, slots=True)
class Question:
    """Whose usage is shown, and in which state."""

    organisation: Organisation
    agreed: Agreed
    used: UsedServices
    state: State
    now: datetime

    @property
    def days(self) -> Days:
        return self.state.range.days

    @property
    def periods(self) -> tuple[Days, ...]:
        """The billing periods that the days are, if they begin with one."""
        return periods_in(self.days, self.agreed.cycle(self.days.last))


def read_usage(asked: Question) -> Known:
    """Read it all. Who is in a volume account, or whose period is divided, is rated meanwhile, and
    so are several periods.
    """
    early = leaves(asked.agreed, asked.days) or len(asked.periods) > 1
    (prices, usage, late), count, rated = read(
        together(
            _reading(asked, is_rated=early),
            uncounted.reading_recent(asked.organisation.pk, today=asked.now.date()),
            _reading_bill(asked, is_left=early),
        )
    )
    bill = rated or late
    if not (early or prices.left):
        services = asked.used.services
        bill = bill_so_far(asked.organisation, prices, services, usage, now=asked.now)
    return Known(usage, bill, count)


def _reading(
    asked: Question, *, is_rated: bool
) -> Reading[tuple[Prices, UsageDays, RatedPeriod | None]]:
    used, state = asked.used, asked.state
    prices = yield from reading_prices(asked.organisation, asked.agreed, used, days=asked.days)
    by = used.with_dimension(state.by) if state.by else []
    usage, bill = yield from together(
        reading_days(
            asked.organisation,
            used.services,
            days=state.range.read,
            grouped={*by, *prices.grouped},
            now=asked.now,
        ),
        _reading_bill(asked, is_left=prices.left and not is_rated),
    )
    return prices, usage, bill


def _reading_bill(asked: Question, *, is_left: bool) -> Reading[RatedPeriod | None]:
    if not is_left:
        return None
    owner = asked.organisation.pk
    rated = yield from reading_rated_by_period(
        days=asked.days, now=asked.now, organisations=[owner]
    )
    return rated.get(owner)
