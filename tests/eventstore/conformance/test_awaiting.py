"""What only code that awaits can suffer: cancelled tasks, a pool that is used up, other loops."""

import asyncio
import random
from contextlib import ExitStack, aclosing
from uuid import uuid4

import pytest

from eventstore import drivers, repository, store
from tests.eventstore.conformance.sessions import (
    UNFINISHED,
    WAITING,
    append_elsewhere,
    locked,
    sessions,
)
from tests.eventstore.conformance.sides import COMMITTING, names, of, ones, versions
from tests.eventstore.examples import Counter, counted, stream
from tests.eventstore.servers import elsewhere as environment
from tests.eventstore.servers import until
from tests.forked import Forked

pytestmark = COMMITTING


async def until_one_waits():
    await asyncio.to_thread(until, lambda: sessions(WAITING))


def append_one(key):
    return store.aappend([of(key, *ones(1))])


def append_to_two(key):
    return store.aappend([of(stream(), *ones(1)), of(key, *ones(1))])


def execute(key):
    return repository.aexecute(Counter, **names(key), decide=lambda counter: counter.count(1))


def execute_optimistically(key):
    return repository.aexecute_optimistically(
        Counter, **names(key), decide=lambda counter: counter.count(1)
    )


@pytest.fixture
def one_connection(settings):
    """A pool that has one connection: whoever comes after one that leaked would wait for ever."""
    settings.EVENTSTORE_ASYNC_CONNECTIONS = 1


@pytest.mark.usefixtures("one_connection")
class TestACancelledTask:
    @pytest.mark.parametrize("work", [append_one, append_to_two, execute, execute_optimistically])
    def test_that_waits_for_a_lock_leaves_nothing_and_a_clean_connection(
        self, awaiting, states, work
    ):
        key = stream()
        append_elsewhere(key)

        async def cancelled():
            task = asyncio.create_task(work(key))
            await until_one_waits()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        with locked(key):
            awaiting.run(cancelled())
            assert sessions(WAITING) == []
        assert sessions(UNFINISHED) == []
        assert versions(awaiting, key) == [1]
        assert awaiting.append(of(key, *ones(1))).versions == {key: 2}
        assert awaiting.load(key).state.total == 2

    def test_amid_a_read_gives_its_connection_back(self, awaiting, monkeypatch):
        monkeypatch.setattr("eventstore.streaming.CHUNK", 2)
        key, seen = stream(), []
        append_elsewhere(key, *ones(5))

        async def read_slowly():
            async with aclosing(store.aread_stream(key)) as events:
                async for event in events:
                    seen.append(event.version)
                    if len(seen) == 3:
                        await asyncio.Event().wait()

        async def cancelled():
            task = asyncio.create_task(read_slowly())
            while len(seen) < 3:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return [event.version async for event in store.aread_stream(key)]

        assert awaiting.run(cancelled()) == [1, 2, 3, 4, 5]
        assert sessions(UNFINISHED) == []

    def test_at_any_moment_has_appended_all_or_nothing_and_can_be_repeated(self, awaiting):
        key = stream()
        batches = [[counted(event_id=uuid4()) for _ in range(2)] for _ in range(40)]
        dice = random.Random(7)

        async def cancel_most():
            for batch in batches:
                task = asyncio.create_task(store.aappend([of(key, *batch), of(stream(), *batch)]))
                for _ in range(dice.randrange(25)):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        awaiting.run(cancel_most())
        stored = [event.event_id for event in awaiting.read(key)]
        whole = [batch for batch in batches if batch[0].event_id in stored]
        assert stored == [event.event_id for batch in whole for event in batch]
        assert len(whole) < len(batches)
        for batch in batches:
            awaiting.append(of(key, *batch))
        assert versions(awaiting, key) == list(range(1, 81))


def test_a_hundred_appends_at_once_share_ten_connections(awaiting, settings):
    settings.EVENTSTORE_ASYNC_CONNECTIONS = 10
    keys = [stream() for _ in range(20)]
    before = len(sessions())

    async def append_all():
        return await asyncio.gather(*(append_one(key) for key in keys * 5))

    done = awaiting.run(append_all())
    assert [one.new for one in done] == [1] * 100
    assert 1 <= len(sessions()) - before <= 10
    assert [versions(awaiting, key) for key in keys] == [[1, 2, 3, 4, 5]] * 20
    awaiting.run(drivers.aclose())
    until(lambda: len(sessions()) == before)  # the server ends them in its own time


WRITERS = """
import asyncio, sys, threading
import django; django.setup()
from uuid import UUID
from django.db import connection
from eventstore import drivers, store
from eventstore.store import Append, StreamConflict
from tests.eventstore.examples import TENANT, counted, stream

kind, key, each = sys.argv[1], stream(TENANT, UUID(sys.argv[2])), int(sys.argv[3])
one = Append(key=key, events=[counted()])
two = [counted(), counted()]

def write():
    expected = 0
    for n in range(each):
        store.append([one])
        while True:
            try:
                expected = store.append([Append(key=key, events=two, expected=expected)])
                expected = expected.versions[key]
                break
            except StreamConflict as conflict:
                expected = conflict.actual
    connection.close()

async def awrite():
    expected = 0
    for n in range(each):
        await store.aappend([one])
        while True:
            try:
                done = await store.aappend([Append(key=key, events=two, expected=expected)])
                expected = done.versions[key]
                break
            except StreamConflict as conflict:
                expected = conflict.actual

async def all_awaiting():
    await asyncio.gather(awrite(), awrite(), awrite())
    await drivers.aclose()

print("ready", flush=True)
sys.stdin.readline()
if kind == "async":
    asyncio.run(all_awaiting())
else:
    threads = [threading.Thread(target=write) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
"""


@pytest.mark.scenario(4)
def test_processes_of_both_sides_race_for_one_new_stream(awaiting):
    key, each = stream(), 15
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                Forked(
                    *("-c", WRITERS, kind, str(key.stream_id), str(each)),
                    environment=environment(),
                    pipes=True,
                )
            )
            for kind in ("sync", "async")
        ]
        for writer in writers:
            assert writer.stdout
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin
            writer.stdin.write("go\n")
            writer.stdin.flush()
        assert [writer.wait(60) for writer in writers] == [0, 0]
    events = list(awaiting.read(key))
    assert [one.version for one in events] == list(range(1, 6 * each * 3 + 1))
    positions = [one.position for one in events]
    assert positions == sorted(set(positions))
    assert awaiting.load(key).state.total == 6 * each * 3
