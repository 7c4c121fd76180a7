"""What a day brought in, by service: marks of the month so far, one a day, and their differences.

A price may depend on all that was used before in the month, so a day has no price by itself: its
revenue is by how much the month's came to more at its end. By organisation: see shares.py.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from uuid import UUID

from billing.exact import plain
from billing.invoicing.charging.rate import rate_organisations
from billing.metering.querying.usage import levels_before, period_figures
from billing.periods import ONE_DAY, Days, day_of, month_of, start_of
from billing.rankings import shares
from billing.rankings.growth import Daily, growth, known
from billing.rankings.models import Ranking, RevenueMark
from billing.rankings.sums import ByService, add_by_service
from catacloud.accounts.models import Organisation

AT_A_TIME = 200  # organisations
LOOKED_BACK = 397  # days, so that the longest preset, twelve months that are over, has its curve


def mark(day: date, sums: ByService, *, now: datetime, ranking: Ranking | None = None) -> None:
    """Write down what the month came to until now, as a ranking has it by organisation; or without
    one at the end of a day, of which shares.py has kept that.
    """
    so_far = {
        currency: {str(service): plain(amount) for service, amount in of_currency.items()}
        for currency, of_currency in sums.items()
    }
    by = {"ranking": ranking, "is_by_organisation": ranking is None}
    RevenueMark.objects.update_or_create(day=day, defaults={"as_of": now, "so_far": so_far, **by})


def fill(*, now: datetime, seconds: float) -> None:
    """Mark days that are over and have no mark of their end, the newest first, for some time."""
    started = time.monotonic()
    for day in _unmarked(now):
        sums: ByService = {}
        days, found = Days(month_of(day).first, day + ONE_DAY), _organisations()
        while some := list(islice(found, AT_A_TIME)):
            _, levels = levels_before(earlier=days.first, later=days.first, organisations=some)
            figures = period_figures(days=days, now=now, organisations=some, levels=levels)
            rated = rate_organisations(days=days, now=now, organisations=some, figures=figures)
            add_by_service(sums, rated)
            shares.keep(day, rated)
        mark(day, sums, now=now)
        if time.monotonic() - started > seconds:
            return


def by_service(marks: Sequence[RevenueMark], days: Days, currency: str) -> dict[int, Daily]:
    """Return each service's revenue of days whose end, and whose start, are marked. Pure."""
    so_far: dict[int, Daily] = {}
    for one in marks:
        for service, amount in one.so_far.get(currency, {}).items():
            so_far.setdefault(int(service), {})[one.day] = Decimal(amount)
    days_known = known(days, {one.day for one in marks})
    return {service: growth(amounts, days_known) for service, amounts in so_far.items()}


def _unmarked(now: datetime) -> list[date]:
    today = day_of(now)
    days = Days(today - ONE_DAY * LOOKED_BACK, today)
    kept = RevenueMark.objects.filter(is_by_organisation=True)
    marked = kept.filter(day__gte=days.first, day__lt=days.end)
    over = {day for day, as_of in marked.values_list("day", "as_of") if as_of >= _end(day)}
    return [day for day in reversed(list(days)) if day not in over]


def _end(day: date) -> datetime:
    return start_of(day + ONE_DAY)


def _organisations() -> Iterator[UUID]:
    return Organisation.objects.order_by("pk").values_list("pk", flat=True).iterator(2000)
