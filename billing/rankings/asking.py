"""The overview's way to a ranking: what is there, and a worker that keeps it from growing old."""

import logging
from datetime import datetime

from django.core.cache import cache
from kombu.exceptions import OperationalError
from redis import RedisError

from billing.rankings import upkeep
from billing.rankings.making import make
from billing.rankings.models import Ranking
from billing.rankings.spans import Span
from billing.rankings.tasks import rank
from catacloud.accounts.models import Organisation
from catacloud.outages import Outage

logger = logging.getLogger(__name__)

AT_ONCE = 100  # organisations: as many are ranked while somebody waits
FORGOTTEN_AFTER = 30  # seconds until a ring that nobody answered may be repeated
KNOWN_FOR = 3600  # seconds: a stamp that is forgotten counts as new

broker = Outage()


def ask(span: Span, ranking: Ranking | None, *, now: datetime, stamp: str = "") -> Ranking | None:
    """Return the newest ranking as it was read, and let a worker make a newer one where it is due,
    or where the ``stamp`` of the days' figures says that they are new.

    Where there is none yet, a small platform's is made at once; of a large one it is to come.
    """
    if ranking is None and Organisation.objects.all()[: AT_ONCE + 1].count() <= AT_ONCE:
        return make(span, now=now)
    if upkeep.is_due(ranking, now=now):
        _ring(span, stamp)
    elif upkeep.may_be_made(ranking, now=now):
        _ring(span, stamp, is_news=True)
    return ranking


def _ring(span: Span, stamp: str, *, is_news: bool = False) -> None:
    """Ring for a ranking; as news, only where the stamp is not that of the last ring."""
    if broker.spares():
        return
    known = f"ranking-stamp:{span.key}"
    try:
        if is_news and cache.get(known) == stamp:
            return
        if cache.add(upkeep.bell_of(span), True, timeout=FORGOTTEN_AFTER):
            cache.set(known, stamp, timeout=KNOWN_FOR)
            asked = {**upkeep.as_arguments(span), "is_news": is_news}
            rank.apply_async(kwargs=asked, expires=FORGOTTEN_AFTER)
    except (RedisError, OperationalError, OSError) as error:
        broker.failed()
        logger.warning("Organisations are not ranked anew, for the broker is away: %s", error)
    else:
        broker.answered()
