"""Early pytest plugin: a pair of servers for the tests, where the environment names none.

Loaded by `addopts = -p tests.plugin`; run pytest as `python -m pytest` in the project's folder.
pytest-django imports the settings in the same hook, later than we; a conftest would be too late.
Each of xdist's workers starts a pair of its own, and their controller none: what a long transaction
of one holds up, such as the feed at a gap, must not be held up in another.
"""

import gc
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from catacloud import heap
from catacloud.embedded import EmbeddedError, environment, running
from tests import migrated, skips

# What takes longest starts first, so that at the end no worker waits for another.
_LONG = (
    "tests/journeys/test_admin.py",
    "tests/journeys/test_dashboard.py",
    "tests/catacloud/demo/",
    "tests/catacloud/test_openapi.py",
    "tests/billing/metering/faults/",
    "tests/journeys/",
    "tests/catacloud/",
    "tests/uploads/clients/",
    "tests/uploads/tus/",
    "tests/billing/clients/",
    "",  # all others
)
_OURS = "CATACLOUD_TEST_SERVERS"  # for the workers: which of the URLs are not the user's
# Folders whose tests share a web server, so that one worker starts it, and once.
_TOGETHER = ("tests/uploads/tus/", "tests/uploads/clients/", "tests/billing/clients/")
MIGRATED = pytest.StashKey[bool]()  # whether our PostgreSQL has the database for tests already


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    options = early_config.known_args_namespace
    if options.help or options.version:
        return
    if os.environ.get("PYTEST_XDIST_WORKER"):
        for name in os.environ.get(_OURS, "").split():  # the controller's, which workers inherit
            del os.environ[name]
    elif options.numprocesses:  # the controller, which runs no test
        _name_no_servers(early_config)
        return
    _start_servers(early_config)
    gc.disable()  # until all is imported and collected


def pytest_configure(config: pytest.Config) -> None:
    """Let each of xdist's workers begin to collect at another file.

    In step, all of them would compile each file at the same time, where nothing is compiled yet;
    so each finds what others have compiled. Items are sorted all the same.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if number and config.args == config.getini("testpaths"):
        files = sorted(
            str(file) for place in config.args for file in Path(place).rglob("test_*.py")
        )
        begin = len(files) * int(number) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        config.args = files[begin:] + files[:begin]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep folders together, whose tests share servers; pytest-django mixes them by their kind."""

    def place(item: pytest.Item) -> tuple[int, Path]:
        return next(n for n, start in enumerate(_LONG) if item.nodeid.startswith(start)), item.path

    items.sort(key=place)


class _ByPlace(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """Hands out a file to a worker, or a folder whose tests share a server."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return next((folder for folder in _TOGETHER if scope.startswith(folder)), scope)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return _ByPlace(config, log)


def pytest_collection_finish() -> None:
    gc.enable()
    gc.collect()
    gc.freeze()  # all that was imported and collected stays: nobody need look through it again
    gc.set_threshold(heap.ROUND)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last what this machine could not test, for a number of skipped tests tells nobody."""
    for line in skips.said(terminalreporter.getreports("skipped")):
        terminalreporter.write_line(line, yellow=True)


def _name_no_servers(config: pytest.Config) -> None:
    """Let the settings be read where nothing connects; the workers have servers of their own."""
    urls = {"DATABASE_URL": "postgres:///none", "REDIS_URL": "redis://none"}
    ours = [name for name in urls if not os.environ.get(name)]
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in ours:
        patch.setenv(name, urls[name])
    patch.setenv(_OURS, " ".join(ours))
    _set_key(patch)
    if "DATABASE_URL" in ours:
        with _state() as state, _as_usage_error():
            migrated.make(state)


def _set_key(patch: pytest.MonkeyPatch) -> None:
    if not os.environ.get("SECRET_KEY"):
        patch.setenv("SECRET_KEY", secrets.token_urlsafe(48))


def _start_servers(config: pytest.Config) -> None:
    """Set DATABASE_URL and REDIS_URL for this run, and undo it at its end, whatever that is."""
    stack = ExitStack()
    config.add_cleanup(stack.close)
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    _set_key(patch)
    state = stack.enter_context(_state())
    with _as_usage_error():
        if not os.environ.get("DATABASE_URL"):
            migrated.put_into(state)
            config.stash[MIGRATED] = True
        servers = stack.enter_context(running(state, durable=False, temporary=True))
    for name, url in environment(servers).items():
        patch.setenv(name, url)


@contextmanager
def _state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="catacloud-test-") as name:
        Path(name).chmod(0o711)  # `nobody`, as whom root's servers run, may pass
        yield Path(name)


@contextmanager
def _as_usage_error() -> Iterator[None]:
    try:
        yield
    except EmbeddedError as exc:
        raise pytest.UsageError(str(exc)) from exc
