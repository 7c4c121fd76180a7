"""What an organisation's days cost on its usage page, from days that are read already. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import accumulate

from billing.dashboards.usage.days import UsageDays
from billing.exact import ZERO, exactly
from billing.invoicing.charging.day_costs import (
    Costs,
    Part,
    UsedBefore,
    cost_of,
    costs_of_each,
)
from billing.invoicing.charging.rated import RatedPeriod, added
from billing.metering.models import Service
from billing.periods import Days

Billed = Sequence[tuple[Part, RatedPeriod]]


def bill_of_days(
    billed: Billed, services: Sequence[Service], usage: UsageDays
) -> RatedPeriod | None:
    """Return what the parts of billing periods come to together; None without a plan."""
    used = used_before(services, usage)
    bills = [cost_of(part, bill, used) for part, bill in billed]
    return added(bills) if len(bills) > 1 else next(iter(bills), None)


def costs_by_service(
    billed: Billed, services: Sequence[Service], usage: UsageDays, places: Sequence[Days]
) -> Mapping[int, Costs]:
    """Return what places cost, as days and months of a chart, by service and first day, in the
    currency of the last bill. A place that is in several billing periods has its part of each.

    Those of which nothing was used, and that cost nothing, are absent.
    """
    used, found = used_before(services, usage), defaultdict[int, dict[date, Decimal]](dict)
    for part, bill in billed:
        if bill.currency == billed[-1][1].currency:
            own = [one for place in places if (one := _both(place, part.days))]
            for service, costs in costs_of_each(own, part, bill, used).items():
                known = usage.days.get(service, {})
                found[service] |= {
                    days.first: cost
                    for days, cost in costs.items()
                    if cost or any(day in known for day in days)
                }
    return found


def _both(one: Days, other: Days) -> Days | None:
    """Return the days that are in both."""
    first, end = max(one.first, other.first), min(one.end, other.end)
    return Days(first, end) if first < end else None


def used_before(services: Sequence[Service], usage: UsageDays) -> UsedBefore:
    """Return how much of a service was used of a span up to a day, of services that add up."""
    additive = {one.pk: usage.days.get(one.pk, {}) for one in services if one.is_additive}
    sums: dict[tuple[int, Days], list[Decimal]] = {}

    def before(service: int, span: Days, day: date) -> Decimal | None:
        if service not in additive:
            return None
        key = service, span
        if key not in sums:
            own = additive[service]
            each = (own[one].figure if one in own else ZERO for one in span)
            with exactly():
                sums[key] = list(accumulate(each, initial=ZERO))
        return sums[key][(day - span.first).days]

    return before
