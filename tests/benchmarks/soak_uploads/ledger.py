"""What the clients of the soak know: what they sent, what they were told, and what went wrong."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from billing.periods import microseconds

Step = tuple[int, datetime, datetime]


@dataclass
class Kept:
    """Bytes of one upload, as its client learned of them, and when they can have been kept."""

    offset: int = 0
    begun: list[tuple[int, datetime]] = field(default_factory=list)  # where it would end
    steps: list[Step] = field(default_factory=list)  # bytes, kept at the earliest, at the latest
    gone: tuple[datetime, datetime] | None = None

    def know(self, offset: int) -> None:
        if offset > self.offset:
            earliest = min(at for end, at in self.begun if end > self.offset)
            self.steps.append((offset - self.offset, earliest, datetime.now(UTC)))
        self.offset = offset

    def area(self, end: datetime) -> tuple[int, int]:
        """Return the least and the most that was kept up to ``end``: bytes × microseconds."""
        first, last = self.gone or (end, end)
        least = sum(size * max(0, microseconds(first - latest)) for size, _, latest in self.steps)
        most = sum(size * max(0, microseconds(last - earliest)) for size, earliest, _ in self.steps)
        return least, most


@dataclass
class File:
    """A file that its client was told is complete, and the uploads that its bytes are in."""

    url: str
    content: list[bytes]
    uploads: list[str]


@dataclass
class Ledger:
    """Written by all clients, so under its lock."""

    counts: Counter[str] = field(default_factory=Counter)
    files: list[File] = field(default_factory=list)
    uploads: dict[str, Kept] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)  # that no retry cured
    lost: list[str] = field(default_factory=list)  # bytes that had been acknowledged
    twice: list[str] = field(default_factory=list)  # what was done twice, and must not be
    broken: list[str] = field(default_factory=list)  # answers of 500 and more
    lock: Lock = field(default_factory=Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1

    def kept_now(self) -> int:
        """Return the bytes of all uploads that nobody deleted, finished or not."""
        return sum(kept.offset for kept in self.uploads.values() if not kept.gone)

    def kept_in(self, files: Iterable[File]) -> int:
        """Return the bytes of files, those of a part once."""
        return sum(self.uploads[url].offset for file in files for url in file.uploads)

    def area(self, end: datetime) -> tuple[int, int]:
        areas = [kept.area(end) for kept in self.uploads.values()]
        return sum(least for least, _ in areas), sum(most for _, most in areas)
