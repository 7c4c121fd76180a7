"""Two million events while workers are killed a hundred times, PostgreSQL crashes, Valkey hangs,
dies, is flushed and stays away for a minute, and every message is delivered twice; then everything
is counted anew.

What is done when comes from SEED and from how far the saga is; what it meets is up to the machine.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from random import Random

import pytest
from django.core.management import call_command
from django.db import connection

from billing.metering.recounting import checking
from eventstore.check import findings
from tests.benchmarks.harness import Bar, Measure, Options, at_most
from tests.benchmarks.soak_metering.crew import Crew
from tests.benchmarks.workers import ROOT
from tests.billing.metering.faults import usage
from tests.crashing import OwnServers, own_servers
from tests.eventstore.servers import on

SEED = int(os.environ.get("SOAK_SEED", "20261127"))
EVENTS, KILLS = 2_000_000, 100
SENDERS = 2
PATIENCE = 3600.0  # seconds until it is given up
HANGING = 15.0  # seconds that Valkey hangs
AWAY = 60.0  # seconds that there is none
SHOWN = 5  # of what is wrong, each kind


class Stuck(Exception):
    """The saga does not get on any more."""


def run(options: Options) -> Iterator[Measure]:
    events, kills = round(EVENTS * options.scale), max(3, round(KILLS * options.scale))
    sys.stderr.write(f"Seed {SEED}: {events:,} events, {kills} kills.\n")
    with _place() as (servers, folder), Crew(folder, _there(servers)) as crew:
        start = time.monotonic()
        with _senders(events, _there(servers)) as senders:
            _soak(servers, crew, events=events, kills=kills)
            if any(sender.wait() for sender in senders):
                raise Stuck("A sender has failed: see above.")
        sent = time.monotonic()
        _wait_until(usage.is_up_to_date, crew)
        done = time.monotonic()
        yield _exactly("workers killed", crew.killed, kills)
        yield Measure("events sent and folded, amid all that", "events/s", events / (done - start))
        yield Measure("caught up after the last event", "s", done - sent)
        yield Measure("most memory of a worker's process", "MB", crew.memory, bars=[at_most(200)])
        yield _exactly("events in the daily table", usage.folded(), events)
        yield _none("findings of check_usage", list(checking.findings()))
        yield _none("findings of eventstore_check", list(findings()))


@contextmanager
def _place() -> Iterator[tuple[OwnServers, Path]]:
    """Run servers of our own, which may crash, with all tables; let Django use them."""
    with ExitStack() as stack:
        servers = stack.enter_context(own_servers(durable=True))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        servers.start_postgres()
        servers.start_valkey()
        stack.enter_context(on(servers.database_url, patch))
        call_command("migrate", verbosity=0)
        usage.prepare()
        yield servers, servers.home.state


def _there(servers: OwnServers) -> dict[str, str]:
    return {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}


@contextmanager
def _senders(events: int, environment: dict[str, str]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    program = [sys.executable, "-m", "tests.billing.metering.faults.sender"]
    edges = [events * n // SENDERS for n in range(SENDERS + 1)]
    running = [
        subprocess.Popen(
            [*program, str(start), str(end)],
            cwd=ROOT,
            env=os.environ | environment | {"LOG_LEVEL": "ERROR"},
        )
        for start, end in pairwise(edges)
    ]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def _soak(servers: OwnServers, crew: Crew, *, events: int, kills: int) -> None:
    """Do each thing when as many events are folded as it waits for."""
    for moment, do in sorted(_plan(servers, crew, events=events, kills=kills), key=itemgetter(0)):
        _wait_until(partial(usage.has_handled, moment), crew)
        do()


def _plan(
    servers: OwnServers, crew: Crew, *, events: int, kills: int
) -> Iterator[tuple[int, Callable[[], object]]]:
    random = Random(SEED)
    for moment in random.sample(range(events * 98 // 100), kills):
        yield moment, partial(crew.kill_one, random)
    for percent, fault in FAULTS.items():
        yield events * percent // 100, partial(_do, fault, servers)


def _do(fault: Callable[[OwnServers], None], servers: OwnServers) -> None:
    sys.stderr.write(f"{usage.handled():,} events are folded. {fault.__doc__}\n")
    fault(servers)


def _wait_until(condition: Callable[[], bool], crew: Crew) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        crew.look()
        if time.monotonic() > deadline:
            raise Stuck(f"{usage.handled()} events are folded, and no more: see {crew.folder}.")
        time.sleep(0.05)


def _crash_postgres(servers: OwnServers) -> None:
    """PostgreSQL stops immediately and starts again."""
    servers.crash_postgres()
    servers.start_postgres()
    connection.close()


def _kill_valkey(servers: OwnServers) -> None:
    """Valkey is killed and comes back empty."""
    servers.kill_valkey()
    servers.start_valkey()


def _flush_valkey(servers: OwnServers) -> None:
    """Valkey is flushed."""
    servers.flush_valkey()


def _hang_valkey(servers: OwnServers) -> None:
    """Valkey hangs for a while."""
    servers.stop_valkey()
    time.sleep(HANGING)
    servers.resume_valkey()


def _keep_valkey_away(servers: OwnServers) -> None:
    """Valkey is killed, and comes back after a minute."""
    servers.kill_valkey()
    before = _last_position()
    time.sleep(AWAY)
    sys.stderr.write(f"{_last_position() - before:,} events were appended meanwhile.\n")
    servers.start_valkey()


def _last_position() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM eventstore_position")
        [position] = cursor.fetchone()
        return int(position)


FAULTS = {  # when so many per cent are folded
    10: _keep_valkey_away,
    25: _crash_postgres,
    40: _kill_valkey,
    55: _flush_valkey,
    70: _hang_valkey,
    85: _crash_postgres,
}


def _exactly(what: str, ours: int, wanted: int) -> Measure:
    return Measure(what, "", ours, bars=[Bar(f"= {wanted:,}", lambda m: m.ours == wanted)])


def _none(what: str, found: Sequence[object]) -> Measure:
    """Say how many there were, and show some."""
    for one in found[:SHOWN]:
        sys.stderr.write(f"{what}: {one}\n")
    return Measure(what, "", len(found), bars=[at_most(0)])
