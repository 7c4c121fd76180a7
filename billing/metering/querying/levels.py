"""What a level comes to in windows that follow each other: its integral, or its peak. Pure.

A level stays where it is until it changes, so each window begins with all that was before it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from billing.exact import ZERO, exactly
from billing.periods import microseconds

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST = 250_000  # figures


class Key(NamedTuple):
    """Whose figure it is: an organisation's, or None for all, and of which dimensions' values."""

    owner: UUID | None
    values: tuple[str, ...]


class Figure(NamedTuple):
    """What a window comes to; windows are told by their number."""

    number: int
    key: Key
    value: Decimal


class Change(NamedTuple):
    """What changed in a window; before all windows it is number -1.

    ``area`` is Σ Δ × (until − t), and ``until`` Σ Δ × until, in microseconds since 1970: the events
    were added up to moments of their own.
    """

    number: int
    key: Key
    quantity: Decimal
    area: Decimal
    until: Decimal


class Move(NamedTuple):
    """How a level moves at a time: by ``change``, and on its way up to ``high`` above before."""

    key: Key
    at: datetime
    change: Decimal
    high: Decimal


class TooManyFigures(Exception):
    def __init__(self) -> None:
        super().__init__(f"These are more than {MOST} figures: ask for a shorter span, or fewer.")


def integrals(
    changes: Iterable[Change], starts: Sequence[datetime], ends: Sequence[datetime]
) -> list[Figure]:
    """Return the integral over each window in which there is any level, by key and window.

    In quantity × microseconds. Raises TooManyFigures.
    """
    by_key: defaultdict[Key, dict[int, Change]] = defaultdict(dict)
    for change in changes:
        by_key[change.key][change.number] = change
    lengths = [microseconds(end - start) for start, end in zip(starts, ends, strict=True)]
    moments = [microseconds(end - EPOCH) for end in ends]
    found: list[Figure] = []
    with exactly():
        for key, own in by_key.items():
            level = own[-1].quantity if -1 in own else ZERO
            for number in range(len(starts)):
                now = own.get(number)
                if now is None and not level:
                    continue
                value = level * lengths[number]
                if now is not None:
                    value += now.area + now.quantity * moments[number] - now.until
                    level += now.quantity
                _add(found, Figure(number, key, value))
    return found


def peaks(
    moves: Iterable[Move], starts: Sequence[datetime], ends: Sequence[datetime]
) -> list[Figure]:
    """Return the highest level in each window in which there is any, by key and window.

    Moves come in order of time. Raises TooManyFigures.
    """
    by_key: defaultdict[Key, list[Move]] = defaultdict(list)
    for move in moves:
        by_key[move.key].append(move)
    found: list[Figure] = []
    with exactly():
        for key, own in by_key.items():
            for number, high in _peaks(own, starts, ends):
                _add(found, Figure(number, key, high))
    return found


def _peaks(
    moves: Sequence[Move], starts: Sequence[datetime], ends: Sequence[datetime]
) -> Iterable[tuple[int, Decimal]]:
    level, at = ZERO, 0
    while at < len(moves) and moves[at].at < starts[0]:
        level, at = level + moves[at].change, at + 1
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        first = at
        # What changes at the very start was never at the level before it in this window.
        high = None if at < len(moves) and moves[at].at == start else level
        while at < len(moves) and moves[at].at < end:
            reached = level + moves[at].high
            high = reached if high is None else max(high, reached)
            level, at = level + moves[at].change, at + 1
        if high is not None and (high or at > first):
            yield number, high


def _add(found: list[Figure], figure: Figure) -> None:
    if len(found) >= MOST:
        raise TooManyFigures
    found.append(figure)
