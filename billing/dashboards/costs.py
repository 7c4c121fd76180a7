"""What usage costs, added up by currency. Pure: the prices come from rating."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from billing.dashboards.metrics import Change
from billing.invoicing.rate import RatedPeriod

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cost:
    amount: Decimal
    currency: str


def total_costs(rated: Iterable[RatedPeriod]) -> list[Cost]:
    """Return one sum for each currency, the largest first: currencies do not add up."""
    sums: dict[str, Decimal] = {}
    for period in rated:
        sums[period.currency] = sums.get(period.currency, ZERO) + period.total
    return [Cost(sums[code], code) for code in sorted(sums, key=lambda code: (-sums[code], code))]


def cost_change(
    now: Mapping[UUID, RatedPeriod], before: Mapping[UUID, RatedPeriod]
) -> Change | None:
    """Return the change of the cost, where all of it is in one currency."""
    costs, earlier = total_costs(now.values()), total_costs(before.values())
    if len(costs) != 1 or len(earlier) != 1 or costs[0].currency != earlier[0].currency:
        return None
    return Change(now=costs[0].amount, before=earlier[0].amount)
