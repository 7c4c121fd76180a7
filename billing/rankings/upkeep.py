"""When a ranking is made again: from time to time, and renewed as soon as figures are new.

The longer one takes, the seldomer it is made, so that it never takes more than a tenth of a core,
nor renewals of what changed in it, while somebody looks at it, more than a quarter.
"""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import QuerySet

from billing.alone import alone
from billing.dashboards.ranges import read_range
from billing.metering.querying import months
from billing.periods import Days, day_of
from billing.prepared import Slot, prepared
from billing.rankings import making
from billing.rankings.models import Ranking
from billing.rankings.spans import Span
from billing.revenue import keeping
from billing.together import Reading, read

TIMES = 10
SOONEST, RENEWED_TIMES = timedelta(milliseconds=300), 3
AT_LEAST = timedelta(seconds=10)  # where no event is new: what is stored goes on to add up
OVER = timedelta(minutes=5)  # instead, of days that are over: only late events change them
USUAL = ("this-month", "last-month")  # presets that are there before anybody asks
LONGEST = "12m"
FILLED = 2.0, 60.0  # seconds, at least and at most: as long as a ranking took, others are prepared


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
    return now - ranking.made_at >= max(at_least, ranking.took * TIMES)


def may_be_renewed(ranking: Ranking, *, now: datetime) -> bool:
    """Say whether what changed may be ranked again, if anything did."""
    return now - ranking.as_of >= max(SOONEST, ranking.renewal * RENEWED_TIMES)


def bell_of(span: Span, task: str) -> str:
    """Return what says in the cache that somebody rang for a task."""
    return f"ranking-bell:{task}:{span.key}"


def keep(span: Span, *, now: datetime) -> None:
    """Make a ranking where it is due, unless one is being made: of any span, for a large platform's
    takes a worker a while, and others have more to do.
    """
    with alone("rankings: rank") as is_alone:
        if is_alone and is_due(newest(span), now=now):
            took = making.make(span, now=now).took
            least, most = FILLED
            seconds = min(max(least, took.total_seconds() if took else 0.0), most)
            months.keep(_asked_for(now), now=now, seconds=seconds)
    cache.delete(bell_of(span, "rank"))


def renew(span: Span, *, now: datetime) -> None:
    """Rank those again whose usage changed, unless somebody else is at it."""
    with alone(f"rankings: renew {span.key}") as is_alone:
        ranking = newest(span)
        if is_alone and ranking and may_be_renewed(ranking, now=now):
            keeping.renew(now=now)  # before, for an open page asks again when a ranking is new
            making.renew(ranking, span, now=now)
    cache.delete(bell_of(span, "renew"))


def _asked_for(now: datetime) -> list[Days]:
    """Return the months of the longest preset, and of those before that it is compared with."""
    return Span.of(read_range({"range": LONGEST}, today=day_of(now))).months


def usual(*, now: datetime) -> list[Span]:
    today = day_of(now)
    return [Span.of(read_range({"range": preset}, today=today)) for preset in USUAL]
