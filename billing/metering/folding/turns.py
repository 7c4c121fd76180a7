"""How long and in which steps a task folds: a worker gives way to other partitions, and can stop.

A batch is one transaction, and its events are in memory once. Far behind, large ones fold faster;
but who waits for figures, for a lock or for the worker's end waits for a batch.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

LEAST, FIRST, MOST = 500, 10_000, 160_000  # events a batch; the first of a turn
LASTING = 1.0  # seconds that a batch should take
TURN = 5.0  # seconds after which a task lets others go first


def next_limit(limit: int, *, handled: int, seconds: float) -> int:
    """Return how many events to take next, after a batch of so many took so long.

    It doubles at most, for what comes may be slower; and a batch that was not full says nothing of
    larger ones.
    """
    if handled < limit:
        fitting = limit if seconds <= LASTING else limit // 2
    else:
        fitting = min(2 * limit, int(limit * LASTING / max(seconds, 1e-6)))
    return max(LEAST, min(MOST, fitting))


class Turn(NamedTuple):
    handled: int
    is_over: bool  # and so there may be more


def take(
    advance: Callable[[int], int],
    *,
    first: int = FIRST,
    clock: Callable[[], float] = time.monotonic,
) -> Turn:
    """Let ``advance`` handle up to so many events until it finds none, or a turn is over.

    It is given ``first`` at first, while nothing is known of how long they take.
    """
    limit, total, start = first, 0, clock()
    ends = start + TURN
    while handled := advance(limit):
        total += handled
        now = clock()
        if now >= ends:
            return Turn(total, is_over=True)
        limit = next_limit(limit, handled=handled, seconds=now - start)
        start = now
    return Turn(total, is_over=False)
