"""What a slot of time comes to where sums do not say it: max, latest, unique_count and peak. Pure.

A slot holds the events of one hour and one group. Whatever order they come in, it says

- of ``max`` the greatest quantity;
- of ``latest`` the quantity of the newest event, and of several at its moment the greatest;
- of ``unique_count`` how many values were told apart;
- of ``peak`` the sum of all changes of the level, and ``high``: the most that the level stood above
  where the slot found it. Changes of one moment are one change, so what the level would have been
  between them is never seen. Where nothing changes at the very start, high is 0 at least.

Slots that follow each other are combined in the same way, so a day is a slot too. A peak's change
that is not newer than all others of its slot says nothing of those after it: such a slot has to be
folded again from all its events.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from billing.exact import ZERO, exactly
from billing.metering.folding.fold import Hour
from billing.metering.models import Service

MAX, LATEST, UNIQUE_COUNT, PEAK = (
    Service.Aggregation.MAX,
    Service.Aggregation.LATEST,
    Service.Aggregation.UNIQUE_COUNT,
    Service.Aggregation.PEAK,
)


class Piece(NamedTuple):
    """Some events of one slot: of a peak those of one moment, of a unique count those of one value.

    ``at`` is the moment of the newest, ``first`` the position of the first that came.
    """

    hour: Hour
    definition: int
    quantity: Decimal
    value: str | None
    at: datetime
    event_count: int
    first: int


@dataclass(frozen=True, slots=True)
class Slot:
    """What stands of a slot. ``quantity`` is the figure but of a peak, where it is the change."""

    quantity: Decimal
    event_count: int
    last_at: datetime
    high: Decimal | None = None


class OutOfOrder(Exception):
    """A change of a peak is no newer than what stands: fold the slot from all its events."""


def fold(
    aggregation: str, pieces: Sequence[Piece], *, onto: Slot | None, starts_at: datetime
) -> Slot:
    """Add events to what stands of their slot. Raises OutOfOrder.

    Of a unique count, ``pieces`` are one for each value that the slot has not had yet, and others
    of quantity zero.
    """
    return _FOLDS[aggregation](sorted(pieces, key=attrgetter("at")), onto, starts_at)


def follow(slots: Iterable[Slot], *, from_its_start: bool) -> Slot:
    """Combine slots of a peak that follow each other; whether the first begins with the span.

    Raises ValueError where there are none.
    """
    change, count, last_at = ZERO, 0, None
    high = None if from_its_start else ZERO
    with exactly():
        for slot in slots:
            reached = change + (slot.high or ZERO)
            high = reached if high is None else max(high, reached)
            change, count, last_at = change + slot.quantity, count + slot.event_count, slot.last_at
    if last_at is None:
        raise ValueError("There are no slots to combine.")
    return Slot(change, count, last_at, high)


def combine(aggregation: str, slots: Sequence[Slot]) -> Slot:
    """Combine the slots of any groups and hours of a max or a latest."""
    return _FOLD_SLOTS[aggregation](slots)


def _max(pieces: Sequence[Piece], onto: Slot | None, starts_at: datetime) -> Slot:
    return _greatest([*_slots(pieces), *([onto] if onto else [])])


def _latest(pieces: Sequence[Piece], onto: Slot | None, starts_at: datetime) -> Slot:
    return _newest([*_slots(pieces), *([onto] if onto else [])])


def _unique(pieces: Sequence[Piece], onto: Slot | None, starts_at: datetime) -> Slot:
    slots = [*_slots(pieces), *([onto] if onto else [])]
    with exactly():
        return Slot(sum((slot.quantity for slot in slots), ZERO), _count(slots), _last_at(slots))


def _peak(pieces: Sequence[Piece], onto: Slot | None, starts_at: datetime) -> Slot:
    if onto and pieces[0].at <= onto.last_at:
        raise OutOfOrder
    level, high = (onto.quantity, onto.high) if onto else (ZERO, None)
    if high is None and pieces[0].at > starts_at:
        high = ZERO
    with exactly():
        for _, changes in groupby(pieces, key=attrgetter("at")):
            level = sum((one.quantity for one in changes), level)
            high = level if high is None else max(high, level)
    count = sum(piece.event_count for piece in pieces) + (onto.event_count if onto else 0)
    return Slot(level, count, pieces[-1].at, high)


def _slots(pieces: Iterable[Piece]) -> list[Slot]:
    return [Slot(piece.quantity, piece.event_count, piece.at) for piece in pieces]


def _greatest(slots: Sequence[Slot]) -> Slot:
    return Slot(max(slot.quantity for slot in slots), _count(slots), _last_at(slots))


def _newest(slots: Sequence[Slot]) -> Slot:
    last = max(slots, key=lambda slot: (slot.last_at, slot.quantity))
    return Slot(last.quantity, _count(slots), last.last_at)


def _count(slots: Iterable[Slot]) -> int:
    return sum(slot.event_count for slot in slots)


def _last_at(slots: Iterable[Slot]) -> datetime:
    return max(slot.last_at for slot in slots)


_Fold = Callable[[Sequence[Piece], Slot | None, datetime], Slot]
_FOLDS: dict[str, _Fold] = {MAX: _max, LATEST: _latest, UNIQUE_COUNT: _unique, PEAK: _peak}
_FOLD_SLOTS: dict[str, Callable[[Sequence[Slot]], Slot]] = {MAX: _greatest, LATEST: _newest}
