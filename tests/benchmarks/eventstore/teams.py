"""The sides of a measure, each in processes and a database of its own; ours and raw share one."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from tests.benchmarks import peers
from tests.benchmarks.databases import fresh
from tests.benchmarks.harness import Side
from tests.benchmarks.workers import Team

OURS = (sys.executable, "-m", "tests.benchmarks.eventstore.ours")
RAW = (sys.executable, "-m", "tests.benchmarks.eventstore.raw")


@contextmanager
def sides(url: str, *, size: int = 1) -> Iterator[tuple[Team, Team]]:
    """Start ours and the raw one on a database, in as many processes each."""
    with Team(RAW, url=url) as one:
        one.ask("create")
    with Team(OURS, url=url, size=size) as ours, Team(RAW, url=url, size=size) as raw:
        yield ours, raw


@contextmanager
def of_peers(*, size: int = 1) -> Iterator[Mapping[str, Team]]:
    """Start all peers that are installed; their tables are there before their writers."""
    with ExitStack() as stack:
        teams = {}
        for name, argv in peers.installed().items():
            url = stack.enter_context(fresh(name, template="template1"))
            with Team(argv, url=url) as one:
                one.ask("create")
            teams[name] = stack.enter_context(Team(argv, url=url, size=size))
        yield teams


def side(team: Team, do: str, **arguments: object) -> Side:
    return lambda run: team.speed(do, **arguments)
