"""When a ranking is made again: as soon as figures are new, and else from time to time.

The longer one takes, the seldomer it is made, so that it never takes more than a tenth of a core.
"""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import QuerySet

from billing.dashboards.ranges import read_range
from billing.periods import day_of
from billing.prepared import Slot, prepared
from billing.rankings import revenue
from billing.rankings.making import make
from billing.rankings.models import Ranking
from billing.rankings.spans import Span
from billing.together import Reading, read

SOONEST, TIMES = timedelta(seconds=1), 10
AT_LEAST = timedelta(seconds=10)  # where no event is new: what is stored goes on to add up
OVER = timedelta(minutes=5)  # instead, of days that are over: only late events change them
USUAL = ("this-month", "last-month")  # presets that are there before anybody asks
MADE_BY_ONE = 660  # seconds: longer than a task may take
FILLED = 2.0  # seconds: so long, or as long as a ranking took, days are marked after it


def newest(span: Span) -> Ranking | None:
    """Return the newest whole ranking of a span."""
    return read(reading_newest(span))


def reading_newest(span: Span) -> Reading[Ranking | None]:
    [found] = yield [_newest(**asdict(span))]
    return found[0] if found else None


@prepared
def _newest(first: Slot, end: Slot, before: Slot, compared_days: Slot) -> QuerySet[Ranking]:
    whole = Ranking.objects.filter(first=first, end=end, before=before, took__isnull=False)
    return whole.filter(compared_days=compared_days).order_by("-pk")[:1]


def is_due(ranking: Ranking | None, *, now: datetime) -> bool:
    if ranking is None or ranking.took is None:
        return True
    at_least = OVER if ranking.end <= day_of(now) else AT_LEAST
    return now - ranking.as_of >= max(at_least, ranking.took * TIMES)


def may_be_made(ranking: Ranking | None, *, now: datetime) -> bool:
    """Say whether one may be made again where figures are new, though it is not due yet."""
    if ranking is None or ranking.took is None:
        return True
    return now - ranking.as_of >= max(SOONEST, ranking.took * TIMES)


def bell_of(span: Span) -> str:
    """Return what says in the cache that somebody rang for a ranking."""
    return f"ranking-bell:{span.key}"


def keep(span: Span, *, is_news: bool = False, now: datetime) -> None:
    """Make a ranking where it is due, or where figures are new; unless somebody else is at it."""
    key, ranking = f"ranking:{span.key}", newest(span)
    if not (is_due(ranking, now=now) or (is_news and may_be_made(ranking, now=now))):
        cache.delete(bell_of(span))
        return
    if not cache.add(key, True, timeout=MADE_BY_ONE):
        return
    try:
        ranking = make(span, now=now)
        took = ranking.took.total_seconds() if ranking.took else 0.0
        revenue.fill(now=now, seconds=max(FILLED, took))
    finally:
        cache.delete_many([key, bell_of(span)])


def usual(*, now: datetime) -> list[Span]:
    today = day_of(now)
    return [Span.of(read_range({"range": preset}, today=today)) for preset in USUAL]


def as_arguments(span: Span) -> dict[str, str | int]:
    """Return a span as what a task is sent: dates in ISO 8601."""
    return {
        "first": span.first.isoformat(),
        "end": span.end.isoformat(),
        "before": span.before.isoformat(),
        "compared_days": span.compared_days,
    }
