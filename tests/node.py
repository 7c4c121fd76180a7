"""Clients for JavaScript, in a process of Node: what is asked goes in, and what came of it out."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

BASE_DIR = Path(__file__).resolve().parents[1]


def find_packages(name: str) -> Path:
    """Return the folder of packages that ``./dev test`` installs under this name, or skip."""
    packages = BASE_DIR / ".local" / name / "node_modules"
    if not packages.is_dir():
        pytest.skip("NOT TESTED with clients of npm: they are missing (./dev test installs them).")
    return packages


def run(script: Path, packages: Path, asked: Mapping[str, Any]) -> Any:
    """Let a script do what is asked of it, and return its answer; both are JSON."""
    if not (node := shutil.which("node")):
        pytest.skip("NOT TESTED with clients of npm: there is no node (./dev test installs it).")
    done = subprocess.run(
        [node, str(script), str(packages)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
