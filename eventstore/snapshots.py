"""When an aggregate's state is saved: a class's ``snapshot`` is one of these. Pure."""

from datetime import timedelta
from typing import Protocol

import msgspec


class Policy(Protocol):
    def due(self, *, events: int, elapsed: timedelta | None) -> bool:
        """Say if to save, so many events and so long after the last time; None: never saved."""


class EveryEvents(msgspec.Struct, frozen=True):
    """Save once so many events have come since the last time."""

    count: int

    def due(self, *, events: int, elapsed: timedelta | None) -> bool:
        return events >= self.count


class Every(msgspec.Struct, frozen=True):
    """Save with the first event that comes so long after the last time."""

    interval: timedelta

    def due(self, *, events: int, elapsed: timedelta | None) -> bool:
        return events > 0 and (elapsed is None or elapsed >= self.interval)


class Always(msgspec.Struct, frozen=True):
    """Save with every event: for states that other processes load all the time."""

    def due(self, *, events: int, elapsed: timedelta | None) -> bool:
        return events > 0


class Never(msgspec.Struct, frozen=True):
    """Do not save: for streams that stay short."""

    def due(self, *, events: int, elapsed: timedelta | None) -> bool:
        return False
