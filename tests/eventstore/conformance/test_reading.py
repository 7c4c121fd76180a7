"""Reads of streams: windows, errors in the middle, old payloads, and flat memory, on both sides."""

import gc
import subprocess
import sys
from contextlib import nullcontext
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore import drivers, feed, horizon
from eventstore import store as the_store
from eventstore.aggregate import Aggregate
from eventstore.events import UnreadableEvent
from eventstore.steps import ERRORS
from eventstore.store import ReadInterrupted
from tests.eventstore.conformance.examples import Noted, Weighed, append_as_stored, noted
from tests.eventstore.conformance.sessions import append_elsewhere, kill_sessions
from tests.eventstore.conformance.sides import COMMITTING, of, ones, versions
from tests.eventstore.examples import NOON, counted, stream
from tests.eventstore.servers import elsewhere as environment

pytestmark = COMMITTING

FIXED = settings(max_examples=60, deadline=None, derandomize=True, database=None)

numbers = st.integers(0, 26)
times = st.integers(-1, 13).map(lambda hours: NOON + timedelta(hours=hours))
windows = st.fixed_dictionaries(
    {},
    optional={
        "after_version": numbers,
        "up_to_version": numbers,
        "types": st.sets(st.sampled_from(["test.counted", "test.noted", "test.nobody"])),
        "occurred_since": times,
        "occurred_before": times,
        "backwards": st.booleans(),
        "limit": numbers,
    },
)


def selected(events, window):
    """Return what a window has of a plain list."""
    types = {Noted: "test.noted"}
    found = [
        one
        for one in events
        if window.get("after_version", 0) < one.version <= window.get("up_to_version", 99)
        and types.get(type(one.event), "test.counted") in window.get("types", types_of_all)
        and window.get("occurred_since", NOON - DAY) <= one.occurred_at
        and one.occurred_at < window.get("occurred_before", NOON + DAY)
    ]
    return found[:: -1 if window.get("backwards") else 1][: window.get("limit")]


DAY = timedelta(days=1)
types_of_all = {"test.noted", "test.counted"}


@pytest.fixture(params=["cursor", "pages"])
def read_by(request, monkeypatch):
    """How events come: where a pooler lends sessions for a transaction only, they come in pages."""
    pooled = request.param == "pages"
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", pooled)
    return request.param


@pytest.mark.scenario(3)
def test_a_window_has_exactly_what_a_plain_list_has(store, read_by, monkeypatch):
    monkeypatch.setattr("eventstore.streaming.CHUNK", 7)
    key = stream()
    new = [noted(str(n)) if n % 3 == 0 else counted(n) for n in range(25)]
    late = [
        msgspec.structs.replace(one, occurred_at=NOON + timedelta(hours=n * 7 % 12))
        for n, one in enumerate(new)
    ]
    store.append(of(key, *late), of(stream(key.tenant_id), *ones(3)))
    events = list(store.read(key))
    assert [one.event for one in events] == [one.event for one in late]

    @FIXED
    @given(windows)
    def check(window):
        assert list(store.read(key, **window)) == selected(events, window)

    check()


def test_a_connection_of_the_caller_holds_no_cursor_where_it_may_not(awaiting, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    monkeypatch.setattr("eventstore.streaming.CHUNK", 2)
    key, held = stream(), "SELECT count(*) FROM pg_cursors WHERE is_holdable"
    append_elsewhere(key, *ones(5))

    async def read():
        async with drivers.aconnection() as db:
            seen = []
            async for event in the_store.aread_stream(key, connection=db):
                seen.append(event.version)
                assert await (await db.execute(held)).fetchone() == (0,)
            return seen

    assert awaiting.run(read()) == [1, 2, 3, 4, 5]


def test_a_read_that_is_given_up_leaves_the_connection_clean(store, settings):
    settings.EVENTSTORE_ASYNC_CONNECTIONS = 1  # a second would have to wait for the first
    key = stream()
    store.append(of(key, *ones(5)))
    reading = store.read(key)
    assert [one.version for one in islice(reading, 2)] == [1, 2]
    reading.close()
    store.end_reads()
    assert versions(store, key) == [1, 2, 3, 4, 5]
    assert store.append(of(key, *ones(1))).versions == {key: 6}


class TestInterrupted:
    @pytest.mark.scenario(30)
    @pytest.mark.parametrize("backwards", [False, True])
    def test_it_names_the_stream_and_the_last_version_that_came(
        self, store, read_by, monkeypatch, backwards
    ):
        monkeypatch.setattr("eventstore.streaming.CHUNK", 10)
        key, seen = stream(), []
        append_elsewhere(key, *ones(35))
        wanted = list(range(35, 15, -1)) if backwards else list(range(1, 21))
        said = f"counter {key.stream_id} broke off after version {wanted[-1]}:"

        def read():
            for event in store.read(key, backwards=backwards):
                seen.append(event.version)
                if len(seen) == 15:
                    kill_sessions()

        with pytest.raises(ReadInterrupted, match=said):
            read()
        assert seen == wanted
        store.reconnect()
        assert versions(store, key, after_version=20) == list(range(21, 36))

    @pytest.mark.parametrize("in_transaction", [False, True])
    def test_as_it_is_ended_it_leaves_no_cursor_that_counts_as_open(
        self, store, monkeypatch, in_transaction
    ):
        monkeypatch.setattr("eventstore.streaming.CHUNK", 2)
        key = stream()
        append_elsewhere(key, *ones(5))

        def stop_early():
            reading = store.read(key)
            assert next(reading).version == 1
            kill_sessions()
            reading.close()
            store.end_reads()

        with (
            pytest.raises((ReadInterrupted, *ERRORS)),
            store.transaction() if in_transaction else nullcontext(),
        ):
            stop_early()
        store.reconnect()
        gc.collect()  # psycopg complains of cursors that are collected while they are open

    def test_before_the_first_event_it_says_so(self, store):
        key = stream()
        append_elsewhere(key)
        read = store.read(key, limit=-1)
        with pytest.raises(ReadInterrupted, match="before anything was read"):
            next(read)


class TestAnEventThatCannotBeRead:
    @pytest.mark.scenario(30, 47)
    def test_comes_as_an_error_after_the_events_before_it(self, store):
        key, seen = stream(), []
        append_elsewhere(key, *ones(3))
        append_as_stored(key, "test.unheard-of", {})
        append_elsewhere(key)
        with pytest.raises(UnreadableEvent, match=f"Stream {key.stream_id}, version 4, position"):
            seen.extend(event.version for event in store.read(key))
        assert seen == [1, 2, 3]
        assert versions(store, key, after_version=4) == [5]

    @pytest.mark.scenario(51)
    @pytest.mark.parametrize(
        ("schema", "data", "reason"),
        [
            (0, {}, "No upcaster takes"),
            (4, {"by": 1, "unit": "g"}, "newer than this code"),
            (2, {"grams": 1}, "missing required field"),
            (1, {"kilograms": {"a": 2}}, "version 1, position .* fails: TypeError"),
        ],
    )
    def test_says_what_its_schema_version_is_about(self, store, schema, data, reason):
        key = stream()
        append_as_stored(key, "test.weighed", data, schema=schema)
        with pytest.raises(UnreadableEvent, match=reason):
            versions(store, key)


class Scale(Aggregate):
    stream_type = "counter"
    grams: int = 0

    def apply(self, event):
        self.grams += event.by


@pytest.mark.scenario(51)
@pytest.mark.parametrize("kilograms", [2, None])
def test_old_payloads_are_upcast_wherever_events_are_read(store, states, kilograms):
    key, event_id = stream(), uuid4()
    append_as_stored(key, "test.weighed", {"kilograms": kilograms}, event_id=event_id)
    wanted = Weighed(by=(kilograms or 0) * 1000, unit="g")
    [recorded] = store.read(key)
    [last] = store.read(key, backwards=True, limit=1)
    [repeated] = store.append(
        of(key, the_store.NewEvent(event=wanted, occurred_at=NOON, event_id=event_id))
    ).repeated
    partition = the_store.partition_of(key.tenant_id)
    [fed] = feed.read(partition=partition, after=0, until=horizon.advance(), limit=9)
    assert recorded == last == repeated == fed
    assert recorded.event == wanted
    assert store.load(key, Scale).state.grams == wanted.by
    assert store.execute(key, lambda _: [], Scale).state.grams == wanted.by


MEMORY = """
import asyncio, sys
import django; django.setup()
from uuid import UUID
from eventstore import drivers, store
from tests.eventstore.examples import stream, TENANT

key = stream(TENANT, UUID(sys.argv[1]))

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

async def awaiting():
    count = 0
    async for _ in store.aread_stream(key):
        count += 1
    await drivers.aclose()
    return count

async def warm():
    async for _ in store.aread_stream(key, limit=10_000):
        pass
    await drivers.aclose()

for _ in store.read_stream(key, limit=10_000):
    pass
asyncio.run(warm())
before = peak()
counts = [sum(1 for _ in store.read_stream(key)), asyncio.run(awaiting())]
after = peak()
kept = list(store.read_stream(key, limit=60_000))
print(*counts, after - before, peak() - after)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="NOT TESTED: memory of reads.")
def test_memory_is_flat_over_a_stream_of_200_000_events():
    key = stream()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO eventstore_storedevent (tenant_id, stream_id, version, partition,"
            " event_id, type, schema_version, data, metadata, occurred_at)"
            " SELECT %s, %s, n, 0, gen_random_uuid(), 'test.counted', 1, '{\"by\": 1}', '{}', now()"
            " FROM generate_series(1, 200000) AS n",
            [key.tenant_id, key.stream_id],
        )
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(key.stream_id)],
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    *counts, grown, if_all_were_kept = map(int, done.stdout.split())
    assert counts == [200_000] * 2
    assert grown < 15 < 25 < if_all_were_kept  # megabytes; the last proves that it is measured
