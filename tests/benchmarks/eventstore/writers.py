"""Appends: one writer, many writers, large appends, and bulk."""

import sys
from collections.abc import Callable, Iterator

import psycopg

from tests.benchmarks.databases import fresh
from tests.benchmarks.eventstore.example import key_of
from tests.benchmarks.eventstore.teams import of_peers, side, sides
from tests.benchmarks.harness import (
    Bar,
    Measure,
    Options,
    at_least,
    at_most,
    compare,
    faster_than_peers,
    times_peer,
)
from tests.benchmarks.workers import WorkerFailed

WRITERS = 8
SECONDS, RUNS = 0.3, 15  # short turns and many, for the machine is not ours alone

# No gap, and positions in the order of the versions.
IN_ORDER = """
SELECT count(*) = %(events)s AND coalesce(max(version), 0) = %(events)s
    AND coalesce(bool_and(position > before), true)
    AND (SELECT version FROM eventstore_stream
         WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s) = %(events)s
FROM (
    SELECT version, position, lag(position, 1, 0) OVER (ORDER BY version) AS before
    FROM eventstore_storedevent WHERE tenant_id = %(tenant)s AND stream_id = %(stream)s
) AS event
"""


def one_writer(name: str, options: Options) -> Iterator[Measure]:
    yield _against_all(name, [at_least(0.85), faster_than_peers()], size=1)


def own_streams(name: str, options: Options) -> Iterator[Measure]:
    yield _against_all(name, [at_least(0.8), times_peer(2, "eventsourcing")], size=WRITERS)


def _against_all(name: str, bars: list[Bar], *, size: int) -> Measure:
    with fresh("ours") as url, sides(url, size=size) as (ours, raw), of_peers(size=size) as others:
        return compare(
            name,
            "events/s",
            ours=side(ours, "single", seconds=SECONDS),
            raw=side(raw, "single", seconds=SECONDS),
            peers={peer: side(team, "single", seconds=SECONDS) for peer, team in others.items()},
            bars=bars,
            runs=RUNS,
        )


def one_stream(name: str, options: Options) -> Iterator[Measure]:
    """All writers to one stream. A fault is an error that a writer saw, or a gap that it left."""
    faults: list[str] = []
    with fresh("ours") as url, sides(url, size=WRITERS) as (ours, raw):

        def checked(run: int) -> float:
            try:
                replies = ours.ask("shared", seconds=SECONDS, stream=run)
            except WorkerFailed as error:
                faults.append(str(error))
                return 0.0
            events = sum(reply["done"] for reply in replies)
            if not _in_order(url, stream=run, events=events):
                faults.append(f"Of {events} events, stream {run} has not each one in order.")
            return float(events / max(reply["seconds"] for reply in replies))

        def limit(run: int) -> float:
            return raw.speed("shared", seconds=SECONDS, stream=run + RUNS)

        yield compare(name, "events/s", ours=checked, raw=limit, bars=[at_least(0.8)], runs=RUNS)
        yield Measure(f"{name}: errors, gaps", "faults", len(faults), bars=[at_most(0)])
    for fault in faults:
        sys.stderr.write(f"{fault}\n")


def _in_order(url: str, *, stream: int, events: int) -> bool:
    key = key_of(stream)
    values = {"tenant": key.tenant_id, "stream": key.stream_id, "events": events}
    with psycopg.connect(url) as connection:
        return connection.execute(IN_ORDER, values).fetchone() == (True,)


def large_append(name: str, options: Options) -> Iterator[Measure]:
    with fresh("ours") as url, sides(url) as (ours, raw), of_peers() as others:
        yield compare(
            name,
            "events/s",
            ours=side(ours, "batch", events=10_000),
            raw=side(raw, "batch", events=10_000),
            peers={peer: side(team, "batch", events=10_000) for peer, team in others.items()},
            bars=[at_least(0.6), faster_than_peers()],
        )


def bulk(name: str, options: Options) -> Iterator[Measure]:
    events = {"events": int(200_000 * options.scale), "streams": 2000}
    with fresh("ours") as url, sides(url) as (ours, raw):
        yield compare(
            name,
            "events/s",
            ours=side(ours, "bulk", **events),
            raw=side(raw, "bulk", **events),
            bars=[at_least(0.5)],
            runs=3,
        )


MEASURES: dict[str, Callable[[str, Options], Iterator[Measure]]] = {
    "1 writer, single events": one_writer,
    "8 writers, own streams": own_streams,
    "8 writers, one stream": one_stream,
    "one append of 10 000": large_append,
    "bulk over 2 000 streams, 1 % repeated": bulk,
}
