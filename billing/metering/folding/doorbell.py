"""The saga's doorbell: rung once, however many events arrive before it is answered."""

import logging

from django.core.cache import cache
from redis import RedisError

logger = logging.getLogger(__name__)

FORGOTTEN_AFTER = 30  # seconds until a ring that nobody answered may be repeated


def ring(partition: int) -> bool:
    """Return whether the bell has to be rung, or is ringing already. Raises RedisError."""
    return cache.add(f"doorbell:{partition}", True, timeout=FORGOTTEN_AFTER)


def answer(partition: int) -> None:
    """Let the next append ring again. Answer before you read, so that no event is missed."""
    try:
        cache.delete(f"doorbell:{partition}")
    except RedisError as error:
        logger.warning("The doorbell is not answered, for Valkey is away: %s", error)
