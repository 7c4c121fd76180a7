"""The saga's doorbell: rung once, however many events arrive before it is answered."""

from django.core.cache import cache

FORGOTTEN_AFTER = 30  # seconds until a ring that nobody answered may be repeated


def ring(partition: int) -> bool:
    """Return whether the bell has to be rung, or is ringing already."""
    return cache.add(f"doorbell:{partition}", True, timeout=FORGOTTEN_AFTER)


def answer(partition: int) -> None:
    """Let the next append ring again. Answer before you read, so that no event is missed."""
    cache.delete(f"doorbell:{partition}")
