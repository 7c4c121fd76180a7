"""The overview's way to a ranking: what is there, and a worker that keeps it from growing old."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis import RedisError

from billing.rankings import upkeep, watching
from billing.rankings.making import make
from billing.rankings.models import Ranking
from billing.rankings.spans import Span
from billing.rankings.tasks import rank, renew
from catacloud.accounts.models import Organisation
from catacloud.outages import Outage

if TYPE_CHECKING:
    from celery import Task

T = TypeVar("T")

logger = logging.getLogger(__name__)

AT_ONCE = 100  # organisations: as many are ranked while somebody waits
FORGOTTEN_AFTER = 30  # seconds until a ring that nobody answered may be repeated
KNOWN_FOR = 3600  # seconds: a stamp that is forgotten counts as new

broker = Outage()


@dataclass(frozen=True, slots=True)
class Answer:
    """A ranking, if there is one; ``is_coming`` says that a newer one was rung for just now."""

    ranking: Ranking | None
    is_coming: bool = False


def ask(span: Span, ranking: Ranking | None, *, now: datetime, stamp: str = "") -> Answer:
    """Return the newest ranking as it was read. Let a worker make a newer one where it is due, and
    renew this one where the ``stamp`` of the days' figures says that they are new.

    Where there is none yet, a small platform's is made at once; of a large one it is to come.
    """
    if ranking is None and Organisation.objects.all()[: AT_ONCE + 1].count() <= AT_ONCE:
        return Answer(make(span, now=now))
    _note(span, now)
    is_due = upkeep.is_due(ranking, now=now)
    is_coming = is_due and _ring(rank, span)
    if ranking is not None and upkeep.may_be_renewed(ranking, now=now):
        is_coming = _ring(renew, span, news=stamp) or is_coming
    return Answer(ranking, is_coming)


def renew_watched(**_: object) -> None:
    """Receive that events are folded: renew what somebody looks at, before their page asks."""
    now = timezone.now()
    for span in _watched(now):
        ranking = upkeep.newest(span)
        if ranking is not None and upkeep.may_be_renewed(ranking, now=now):
            _ring(renew, span)


def _note(span: Span, now: datetime) -> None:
    _of_valkey(partial(watching.note, span, now=now), otherwise=None)


def _watched(now: datetime) -> list[Span]:
    return _of_valkey(partial(watching.spans, now=now), otherwise=[])


def _of_valkey(ask: Callable[[], T], *, otherwise: T) -> T:
    if broker.spares():
        return otherwise
    try:
        found = ask()
    except RedisError as error:
        broker.failed()
        logger.warning("Rankings are renewed when pages ask, for Valkey is away: %s", error)
        return otherwise
    broker.answered()
    return found


def _ring(task: "Task[Any, Any]", span: Span, *, news: str | None = None) -> bool:
    """Ring for a task, and say whether it was; where it is for news, for each only once.

    News are on their way as well where it rings already: for earlier ones, perhaps, so who asks
    again rings for these.
    """
    if broker.spares():
        return False
    known, bell, rung = (
        f"ranking-stamp:{span.key}",
        upkeep.bell_of(span, task.name.rpartition(".")[2]),
        False,
    )
    try:
        if news is not None and cache.get(known) == news:
            return False
        if rung := cache.add(bell, True, timeout=FORGOTTEN_AFTER):
            if news is not None:
                cache.set(known, news, timeout=KNOWN_FOR)
            task.apply_async(kwargs=span.as_sent, expires=FORGOTTEN_AFTER)
    except (RedisError, OperationalError, OSError) as error:
        broker.failed()
        logger.warning("Organisations are not ranked anew, for the broker is away: %s", error)
        return False
    broker.answered()
    return rung or news is not None
