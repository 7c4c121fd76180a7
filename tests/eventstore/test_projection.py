"""Versions of a projection, side by side: nothing is lost, doubled or done again at a switch."""

import io
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection

from eventstore import feed, projection, store
from eventstore.models import Checkpoint, StoredEvent
from eventstore.projection import NotCaughtUp, Projection, advance, live_version, rebuild, switch
from eventstore.store import Append
from tests.eventstore.examples import counted, stream
from tests.eventstore.servers import elsewhere, until
from tests.races import run_at_once

pytestmark = pytest.mark.django_db(transaction=True)


WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture(autouse=True)
def _tables():
    run("CREATE TABLE tally_1 (position bigint PRIMARY KEY)")
    run("CREATE TABLE tally_2 (position bigint PRIMARY KEY)")
    run("CREATE TABLE mail (position bigint PRIMARY KEY, version int)")
    yield
    run("DROP TABLE tally_1, tally_2, mail")


def run(sql, rows=()):
    with connection.cursor() as cursor:
        if rows:
            cursor.executemany(sql, rows)
        else:
            cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def tally(version):
    """Make a version of a projection that keeps the positions it saw, and mails each of them."""

    def handle(events):
        run(f"INSERT INTO tally_{version} VALUES (%s)", [(one.position,) for one in events])

    def react(events):
        run("INSERT INTO mail VALUES (%s, %s)", [(one.position, version) for one in events])

    def truncate():
        run(f"TRUNCATE tally_{version}")

    return Projection("tally", version, handle, truncate, react)


def append(count=1):
    keys = [stream(tenant_id=type(stream().tenant_id)(int=tenant)) for tenant in range(count)]
    store.append([Append(key=key, events=[counted()]) for key in keys])


def shown(version):
    return [position for (position,) in run(f"SELECT position FROM tally_{version} ORDER BY 1")]


def mailed(version):
    found = run(f"SELECT position FROM mail WHERE version = {version} ORDER BY 1")
    return [position for (position,) in found]


def stored():
    return list(StoredEvent.objects.order_by("position").values_list("position", flat=True))


@pytest.fixture
def live():
    """Version 1, live from the beginning on."""
    one = tally(1)
    switch(one)
    return one


@pytest.mark.scenario(49)
def test_the_next_version_takes_over_without_a_second_mail(live):
    append(10)
    rebuild(live)
    two = tally(2)
    assert rebuild(two, limit=2) == 10
    before = stored()
    assert mailed(2) == []
    switch(two)
    append(10)
    rebuild(two)
    assert live_version("tally") == 2
    assert shown(2) == stored()
    assert mailed(1) == before
    assert mailed(2) == stored()[10:]


def test_the_next_version_never_overtakes_the_live_one(live):
    append(5)
    assert rebuild(tally(2)) == 0
    switch(tally(2))
    rebuild(tally(2))
    rebuild(live)
    assert mailed(1) == []
    assert mailed(2) == shown(1) == shown(2) == stored()


def test_a_switch_takes_the_last_events_along_but_not_many(live):
    append(20)
    rebuild(live)
    with pytest.raises(NotCaughtUp):
        switch(tally(2), limit=1)
    assert live_version("tally") == 1
    assert shown(2) == []
    switch(tally(2), limit=10)
    assert shown(2) == stored()
    assert mailed(2) == []


def test_a_version_ahead_of_the_live_one_is_refused(live):
    append()
    rebuild(live)
    Checkpoint.objects.filter(consumer="tally@1").update(position=0)
    rebuild(tally(2))
    Checkpoint.objects.filter(consumer="tally@2").update(position=10**9)
    with pytest.raises(NotCaughtUp):
        switch(tally(2))


def test_a_first_version_is_built_without_side_effects_for_what_was_before():
    append(5)
    one = tally(1)
    rebuild(one)
    switch(one)
    append()
    rebuild(one)
    assert shown(1) == stored()
    assert mailed(1) == stored()[-1:]


@pytest.mark.scenario(48)
def test_a_killed_rebuild_goes_on_from_its_checkpoints():
    append(40)
    script = (
        "import django; django.setup()\n"
        "from eventstore import projection as p; from tests.eventstore.test_projection import *\n"
        "two = tally(2); seen = []\n"
        "def handle(events):\n"
        "    two.handle(events); seen.extend(events)\n"
        "    if len(seen) > 20: print('half', flush=True); input()\n"
        "p.rebuild(p.Projection('tally', 2, handle, two.truncate), limit=1)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=elsewhere(),
    ) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == "half\n"
        worker.kill()
    assert len(shown(2)) == 20
    two = tally(2)
    until(lambda: rebuild(two) or len(shown(2)) == 40)
    assert shown(2) == stored()  # twice would break the primary key


def test_a_switch_amid_appends_and_workers_mails_everything_once(live):
    done = threading.Event()
    two = tally(2)

    def worker():
        try:
            while not done.is_set() or feed.lag(consumer="tally@2").events:
                for one in (live, two):
                    for partition in feed.partitions():
                        advance(one, partition=partition, limit=3)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        append(8)
    switch(two)
    for _ in range(10):
        append(8)
    done.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert shown(2) == stored()
    assert sorted(mailed(1) + mailed(2)) == stored()
    assert mailed(2)


def test_two_switches_at_once_follow_each_other(live):
    append(5)
    rebuild(live)
    versions = [tally(2), replace(tally(2), version=3, handle=lambda events: None)]
    for one in versions:
        rebuild(one)
    run_at_once(*(partial(switch, one) for one in versions), expected=NotCaughtUp)
    append(5)
    rebuild(next(one for one in versions if one.version == live_version("tally")))
    assert sorted(mailed(1) + mailed(2)) == stored()


def test_a_first_switch_waits_for_another_one():
    append()
    two, live_when_two_caught_up = tally(2), []

    def handle_two(events):
        live_when_two_caught_up.append(live_version("tally"))
        two.handle(events)

    def switch_to_two():
        try:
            switch(replace(two, handle=handle_two))
        finally:
            connection.close()

    other = threading.Thread(target=switch_to_two)

    def handle_one(events):
        other.start()
        until(lambda: live_when_two_caught_up or run(WAITING))

    switch(replace(tally(1), handle=handle_one))
    other.join(30)
    assert live_when_two_caught_up == [1]
    assert live_version("tally") == 2


def test_a_version_that_was_switched_off_keeps_up_and_can_come_back(live):
    append(3)
    rebuild(live)
    switch(tally(2))
    append(3)
    rebuild(tally(2))
    rebuild(live)
    switch(live)
    append(3)
    rebuild(live)
    assert shown(1) == stored()
    assert mailed(1) == stored()[:3] + stored()[6:]
    assert mailed(2) == stored()[3:6]


def test_handling_twice_would_be_seen_by_these_tests(live):
    append()
    rebuild(live)
    events = feed.read(partition=0, after=0, until=10**9, limit=9)
    with pytest.raises(IntegrityError):
        live.handle(events)


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch):
        """Two versions, as an app registers them; return them."""
        monkeypatch.setattr(projection, "_registered", {})
        return [projection.register(tally(version)) for version in (1, 2)]

    def call(self, do, **options):
        out = io.StringIO()
        call_command("eventstore_projection", "tally", do, stdout=out, **options)
        return out.getvalue().strip()

    def test_rebuilds_switches_and_tells(self):
        append(5)
        assert self.call("status", of=1).startswith("tally@1 is behind by 5 events (")
        said = self.call("rebuild", of=1)
        assert said.startswith("tally@1 has handled 5 events. tally@1 is behind by 0 events (0 s)")
        assert self.call("switch", of=1).endswith("; version 1 is live.")
        assert shown(1) == stored()

    def test_takes_the_newest_version_unless_told(self, live):
        append(3)
        rebuild(live)
        self.call("rebuild")
        self.call("switch")
        assert live_version("tally") == 2
        assert shown(2) == stored()

    def test_goes_on_where_it_was_interrupted(self, registered, monkeypatch):
        append(20)
        one, seen = registered[0], []

        def handle(events):
            one.handle(events)
            seen.extend(events)
            if len(seen) == 9:
                raise KeyboardInterrupt

        interrupted = {("tally", 1): replace(one, handle=handle)}
        monkeypatch.setattr(projection, "_registered", interrupted)
        with pytest.raises(CommandError, match="with 14 events to go: run it again") as caught:
            self.call("rebuild")
        assert caught.value.returncode == 130
        assert self.call("rebuild").startswith("tally@1 has handled 14 events.")
        assert shown(1) == stored()

    def test_names_the_event_that_fails(self, registered, monkeypatch):
        append()

        def handle(events):
            raise ValueError("no such service")

        failing = {("tally", 1): replace(registered[0], handle=handle)}
        monkeypatch.setattr(projection, "_registered", failing)
        with pytest.raises(CommandError, match="cannot handle stream"):
            self.call("rebuild")

    def test_does_not_switch_to_what_is_far_behind(self, live, monkeypatch):
        append()
        rebuild(live)
        Checkpoint.objects.filter(consumer="tally@2").delete()
        monkeypatch.setattr(projection.switch, "__kwdefaults__", {"limit": 0})
        with pytest.raises(CommandError, match="tally@2 is at 0 in partition 0, not yet at"):
            self.call("switch")

    @pytest.mark.parametrize(("name", "of"), [("tally", 3), ("talley", None)])
    def test_says_what_there_is(self, name, of):
        with pytest.raises(CommandError, match="there are: 'tally@1', 'tally@2'"):
            call_command("eventstore_projection", name, "status", of=of)


def test_the_command_says_how_to_register_where_nothing_is(monkeypatch):
    monkeypatch.setattr(projection, "_registered", {})
    with pytest.raises(CommandError) as refused:
        call_command("eventstore_projection", "tally", "status")
    assert str(refused.value) == (
        "No projection is registered: let an app hand its own to eventstore.projection.register, "
        "in the ready() of its AppConfig."
    )


def test_a_version_is_registered_once(monkeypatch):
    monkeypatch.setattr(projection, "_registered", {})
    projection.register(tally(1))
    with pytest.raises(projection.DuplicateProjection, match="tally@1"):
        projection.register(tally(1))
