"""A writer that is killed between any two statements leaves all of its append, or nothing."""

from itertools import count

import pytest
from django.db import connection

from eventstore import repository, store
from eventstore.store import Append
from tests import emptying
from tests.eventstore.examples import Counter, counted, stream
from tests.eventstore.faults import effects
from tests.eventstore.faults.processes import ready, working
from tests.eventstore.faults.wire import When
from tests.eventstore.servers import until


def append(keys):
    store.append([Append(key=key, events=[counted(), counted()]) for key in keys])


def append_once(keys):
    named = [counted(event_id=key.stream_id) for key in keys]
    pairs = zip(keys, named, strict=True)
    store.append([Append(key=key, events=[event, counted()]) for key, event in pairs])


def execute(keys):
    (key,) = keys
    repository.execute(
        Counter,
        tenant_id=key.tenant_id,
        stream_id=key.stream_id,
        decide=lambda counter: [*counter.count(1), *counter.count(1)],
    )


def execute_many(keys):
    decide = lambda counter: [*counter.count(1), *counter.count(1)]  # noqa: E731
    repository.execute_many(Counter, dict.fromkeys(keys, decide))


# Each is a command, and how many events the streams have that it is for: a snapshot is due at 5.
COMMANDS = {
    "an append to a new stream": (append, [0]),
    "an append to an old stream": (append, [3]),
    "an append of events with ids": (append_once, [3]),
    "an append to streams old and new": (append, [0, 3, 0, 3]),
    "a command with a snapshot due": (execute, [4]),
    "commands with and without a snapshot due": (execute_many, [0, 1, 4]),
}


def command(line, run, keys):
    ready(line)
    run(keys)
    line.send("acknowledged")


def streams_of(counts):
    keys = [stream() for _ in counts]
    store.append(
        [Append(key=key, events=[counted()] * held) for key, held in zip(keys, counts, strict=True)]
    )
    return keys


def events_in(keys):
    return [len(list(store.read_stream(key))) for key in keys]


def run_and_kill(run, keys, wire, monkeypatch, nth):
    """Run a command in a process that dies with its nth statement; return what it said."""
    with wire.in_use(monkeypatch), working(command, (run, keys)) as (writer,):
        assert writer.hear() == "ready"
        wire.cut_at(nth, When.AFTER, writer.kill)
        writer.tell("go")
        said = writer.end()
        assert writer.is_killed() == wire.is_cut == (said == [])
    return said


def sessions():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend' "
            "AND application_name <> %s",
            [emptying.NAME],
        )
        return cursor.fetchone()[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_after_any_statement_it_leaves_all_or_nothing(name, wire, monkeypatch, handled):
    run, before = COMMANDS[name]
    after = [count + 2 for count in before]
    for nth in count(1):
        keys = streams_of(before)
        acknowledged = run_and_kill(run, keys, wire, monkeypatch, nth)
        until(lambda: sessions() == 1)  # the server has noticed
        found = events_in(keys)
        assert found in (before, after), f"after statement {nth}"
        append(keys)  # nothing is left locked or half made
        assert events_in(keys) == [count + 2 for count in found]
        if acknowledged:
            assert found == after
            break
    assert nth > 1
    effects.consume_all()
    effects.assert_all_are_handled_once()
