"""The saga's doorbell: rung once, however many events arrive before it is answered."""

import logging
from collections.abc import Collection

from redis import RedisError

from catacloud.valkey import valkey

logger = logging.getLogger(__name__)

FORGOTTEN_AFTER = 30  # seconds until a ring that nobody answered may be repeated


def ring(partitions: Collection[int]) -> list[int]:
    """Return the partitions whose bell was not ringing already. Raises RedisError.

    A batch of events has many of them, and asks for all at once: each by itself would cost as much
    of Python's time as fifty of its events.
    """
    with valkey().pipeline(transaction=False) as pipe:
        for partition in partitions:
            pipe.set(_key(partition), 1, nx=True, ex=FORGOTTEN_AFTER)
        rung = pipe.execute()
    return [partition for partition, first in zip(partitions, rung, strict=True) if first]


def answer(partition: int) -> None:
    """Let the next append ring again. Answer before you read, so that no event is missed."""
    try:
        valkey().delete(_key(partition))
    except RedisError as error:
        logger.warning("The doorbell is not answered, for Valkey is away: %s", error)


def _key(partition: int) -> str:
    return f"doorbell:{partition}"
