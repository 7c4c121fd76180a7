"""tus-js-client in a process of Node: uploads are asked of it, and it tells what became of them."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BASE_DIR = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("tus_js.mjs")


def find_packages() -> Path:
    packages = BASE_DIR / ".local" / "clients" / "node_modules"
    if not packages.is_dir():
        pytest.skip("NOT TESTED with clients of npm: they are missing (./dev test installs them).")
    return packages


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
        if not (node := shutil.which("node")):
            pytest.skip("NOT TESTED with tus-js-client: there is no node (./dev test installs it).")
        asked = {
            "endpoint": self.endpoint,
            "key": self.key,
            "storage": str(self.storage),
            "uploads": uploads,
        }
        done = subprocess.run(
            [node, str(SCRIPT), str(self.packages)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return Run(**json.loads(done.stdout))
