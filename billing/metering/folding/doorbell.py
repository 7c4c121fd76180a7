"""The saga's doorbell: rung once, however many events arrive before it is answered."""

import logging
from collections.abc import Collection
from functools import cache

from django.conf import settings
from redis import Redis, RedisError

logger = logging.getLogger(__name__)

FORGOTTEN_AFTER = 30  # seconds until a ring that nobody answered may be repeated


def ring(partitions: Collection[int]) -> list[int]:
    """Return the partitions whose bell was not ringing already. Raises RedisError.

    A batch of events has many of them, and asks for all at once: each by itself would cost as much
    of Python's time as fifty of its events.
    """
    with _client(settings.REDIS_URL).pipeline(transaction=False) as pipe:
        for partition in partitions:
            pipe.set(_key(partition), 1, nx=True, ex=FORGOTTEN_AFTER)
        rung = pipe.execute()
    return [partition for partition, first in zip(partitions, rung, strict=True) if first]


def answer(partition: int) -> None:
    """Let the next append ring again. Answer before you read, so that no event is missed."""
    try:
        _client(settings.REDIS_URL).delete(_key(partition))
    except RedisError as error:
        logger.warning("The doorbell is not answered, for Valkey is away: %s", error)


def _key(partition: int) -> str:
    return f"doorbell:{partition}"


@cache
def _client(url: str) -> Redis:
    return Redis.from_url(url, **settings.REDIS_PATIENCE)
