"""One upload of each kind, as often as a measure asks for it."""

import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.benchmarks.uploads.place import Place, make_file
from tests.benchmarks.workers import Reply, Team

MIB = 2**20
PARTS = 4


@dataclass
class Bench:
    """``written`` and ``kept`` are bytes per byte, for each upload that was timed."""

    place: Place
    size: int
    scale: float  # of all sizes
    single: Team
    four: Team
    tus_js: Team | None
    idle: int  # bytes of memory of a worker that has served nothing yet
    written: dict[int, list[float]] = field(default_factory=lambda: {1: [], PARTS: []})
    kept: dict[int, list[float]] = field(default_factory=lambda: {1: [], PARTS: []})

    @cached_property
    def path(self) -> Path:
        return make_file(self.place.folder / "content", self.size)

    def lean(self, parts: int) -> float:
        """Upload by the lean client; return MiB/s up to the answer that the file is complete."""
        written = self.place.written()
        start = time.perf_counter()
        replies = self.send(parts)
        url = replies[0]["url"]
        if parts > 1:
            url = self.place.final([reply["url"] for reply in replies])
        speed = self.size / MIB / (time.perf_counter() - start)
        self.written[parts].append((self.place.written() - written) / self.size)
        self.kept[parts].append(self.place.kept() / self.size)
        self.place.drop(url)
        return speed

    def send(self, parts: int, *, size: int | None = None) -> list[Reply]:
        """Send the content, as one upload or as partial ones; return what each worker did."""
        team = self.single if parts == 1 else self.four
        return team.ask("upload", parts=parts, **self._where | {"size": size or self.size})

    def by_tus_js(self, parts: int) -> float:
        assert self.tus_js is not None
        endpoint = self.place.endpoint
        (reply,) = self.tus_js.ask("upload", parts=parts, endpoint=endpoint, **self._where)
        self.place.drop(reply["url"])
        return float(reply["done"] / MIB / reply["seconds"])

    def raw(self) -> float:
        """Return the MiB/s of bytes that nobody looks at."""
        target = str(self.place.folder / "raw")
        return self.single.speed("raw", path=str(self.path), size=self.size, target=target) / MIB

    @property
    def _where(self) -> dict[str, object]:
        account = self.place.account
        return {
            "path": str(self.path),
            "size": self.size,
            "port": self.place.server.port,
            "slug": account.slug,
            "key": account.key,
        }
