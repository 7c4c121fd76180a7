"""Clients for JavaScript, in a process of Node: calls go in, and what they give comes out."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BASE_DIR = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("calls.mjs")


def find_packages() -> Path:
    packages = BASE_DIR / ".local" / "usage-clients" / "node_modules"
    if not packages.is_dir():
        pytest.skip("NOT TESTED with clients of npm: they are missing (./dev test installs them).")
    return packages


@dataclass(frozen=True)
class Node:
    packages: Path
    address: str
    key: str

    def call(self, client: str, *calls: tuple[Any, ...]) -> list[Any]:
        """Make calls, such as ``("meters.get", "tokens")``; return what each gives.

        What is thrown is ``{"thrown": …}``.
        """
        if not (node := shutil.which("node")):
            pytest.skip(
                "NOT TESTED with clients of npm: there is no node (./dev test installs it)."
            )
        asked = {"client": client, "address": self.address, "key": self.key, "calls": calls}
        done = subprocess.run(
            [node, str(SCRIPT), str(self.packages)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        results: list[Any] = json.loads(done.stdout)
        return results
