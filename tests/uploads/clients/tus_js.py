"""tus-js-client in a process of Node: uploads are asked of it, and it tells what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import node

SCRIPT = Path(__file__).with_name("tus_js.mjs")


@dataclass(frozen=True)
class Run:
    """What a process said: a result for each upload, and every request in the order of answers."""

    uploads: list[dict[str, Any]]
    requests: list[dict[str, Any]]

    @property
    def url(self) -> str:
        (upload,) = self.uploads
        assert "url" in upload, (upload, self.requests)
        url: str = upload["url"]
        return url

    @property
    def methods(self) -> list[str]:
        return [request["method"] for request in self.requests]

    def offsets(self) -> list[int]:
        """Return where each piece of content was told to begin."""
        return [int(r["offset"]) for r in self.requests if r["method"] == "PATCH"]


@dataclass(frozen=True)
class TusJs:
    packages: Path
    endpoint: str
    key: str
    storage: Path

    def upload(self, *paths: Path, **asked: Any) -> Run:
        """Upload files, all at once; ``tus_js.mjs`` says what else can be asked."""
        return self.run([{"path": str(path), **asked} for path in paths])

    def run(self, uploads: Sequence[dict[str, Any]]) -> Run:
        asked = {
            "endpoint": self.endpoint,
            "key": self.key,
            "storage": str(self.storage),
            "uploads": uploads,
        }
        return Run(**node.run(SCRIPT, self.packages, asked))
