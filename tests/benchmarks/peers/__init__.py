"""The other event stores: which are installed, and how to start each one's worker."""

import shutil
import sys

from tests.benchmarks.workers import ROOT

HOME = ROOT / ".local" / "peers"
PYTHON = HOME / "venv" / "bin" / "python"
EMMETT = ROOT / "tests" / "benchmarks" / "peers" / "emmett.mjs"
MODULES = HOME / "node_modules"

# What shows that it is installed, and its worker.
PEERS = {
    "eventsourcing": (
        HOME / "venv" / "installed",
        (str(PYTHON), "-m", "tests.benchmarks.peers.eventsourcing_writer"),
    ),
    "message-db": (
        MODULES / "@eventide" / "message-db",
        (sys.executable, "-m", "tests.benchmarks.peers.message_db"),
    ),
    "emmett": (
        MODULES / "@event-driven-io" / "emmett-postgresql",
        (shutil.which("node") or "node", str(EMMETT), str(HOME)),
    ),
}


def installed() -> dict[str, tuple[str, ...]]:
    return {name: argv for name, (mark, argv) in PEERS.items() if mark.exists()}


def missing() -> list[str]:
    return [name for name in PEERS if name not in installed()]
