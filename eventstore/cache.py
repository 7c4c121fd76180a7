"""Aggregates' states in the memory of this process: a bounded cache, right across processes.

It never decides what is true. A load takes the state from here, and then reads what is newer; so an
entry may be old, but must not be ahead of the database: states are put here after the commit. They
are kept encoded, so nobody can change an entry by changing a state that was taken from it.

What was read of the database is kept for MAX_AGE, and then read again, for all that it was brought
forward meanwhile: so what a tenant had erased is gone from every process after that time.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from uuid import UUID

import msgspec
from django.conf import settings

from eventstore.aggregate import Aggregate
from eventstore.events import StreamKey

MAX_AGE = 60.0  # seconds


@dataclass(slots=True)
class Statistics:
    """What loads cost in this process, since its start."""

    hits: int = 0
    misses: int = 0
    events_replayed: int = 0

    @property
    def replayed_per_load(self) -> float:
        """How many events a load replays on average; 0 before the first."""
        loads = self.hits + self.misses
        return self.events_replayed / loads if loads else 0.0


class Entry(msgspec.Struct, frozen=True):
    """A state at a version of its stream, encoded."""

    version: int
    state_version: int
    state: bytes
    saved_version: int = 0  # of the newest snapshot that is known here, and when it was taken
    saved_at: datetime | None = None
    read_at: float = 0.0  # when it was last made without an entry

    @classmethod
    def of(
        cls,
        state: Aggregate,
        *,
        version: int,
        saved_version: int = 0,
        saved_at: datetime | None = None,
        read_at: float | None = None,
    ) -> "Entry":
        encoded = msgspec.msgpack.encode(state)
        read_at = time.monotonic() if read_at is None else read_at
        return cls(version, state.state_version, encoded, saved_version, saved_at, read_at)


class StateCache:
    """The entries that were used last, ``size`` of them at most."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.statistics = Statistics()
        self._entries: OrderedDict[StreamKey, Entry] = OrderedDict()
        self._lock = Lock()

    def get(self, key: StreamKey, *, state_version: int) -> Entry | None:
        with self._lock:
            entry = self._entries.get(key)
            if (
                entry is None
                or entry.state_version != state_version
                or entry.read_at < time.monotonic() - MAX_AGE
            ):
                self.statistics.misses += 1
                return None
            self._entries.move_to_end(key)
            self.statistics.hits += 1
            return entry

    def put(self, entries: Mapping[StreamKey, Entry]) -> None:
        """Keep entries, each unless a newer one of its stream is here."""
        with self._lock:
            for key, entry in entries.items():
                known = self._entries.get(key)
                if known is None or known.version <= entry.version:
                    self._entries[key] = entry
                    self._entries.move_to_end(key)
            while len(self._entries) > self.size:
                self._entries.popitem(last=False)

    def drop(self, key: StreamKey) -> None:
        with self._lock:
            self._entries.pop(key, None)

    def drop_tenant(self, tenant_id: UUID) -> None:
        with self._lock:
            for key in [key for key in self._entries if key.tenant_id == tenant_id]:
                del self._entries[key]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def count_miss(self) -> None:
        """Count a load that wants another state than the newest: there is none here."""
        with self._lock:
            self.statistics.misses += 1

    def count_replayed(self, events: int) -> None:
        with self._lock:
            self.statistics.events_replayed += events


states = StateCache(settings.EVENTSTORE_CACHED_STATES)
