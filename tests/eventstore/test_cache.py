"""States in the memory of the process: faster loads, never other ones."""

import pytest
from django.db import connection, transaction

from eventstore import cache, repository, store
from eventstore.cache import Entry, StateCache, Statistics
from eventstore.events import UnreadableEvent
from eventstore.models import Snapshot, StoredEvent, Stream
from eventstore.store import Append
from tests.eventstore.examples import Counter, counted, stream

PROCESS = cache.states  # before a test puts its own in the place

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def states(monkeypatch):
    """A cache of the test's own."""
    states = StateCache(size=100)
    monkeypatch.setattr(cache, "states", states)
    return states


def execute(key, by=1):
    return repository.execute(
        Counter,
        tenant_id=key.tenant_id,
        stream_id=key.stream_id,
        decide=lambda counter: counter.count(by),
    )


def load(key):
    return repository.load(Counter, tenant_id=key.tenant_id, stream_id=key.stream_id)


def append_elsewhere(key, by=1):
    """Append as another process would: without this one's cache hearing of it."""
    store.append([Append(key=key, events=[counted(by)])])


def test_a_second_load_replays_nothing(states, django_assert_num_queries):
    key = stream()
    assert states.statistics.replayed_per_load == 0
    for _ in range(3):
        append_elsewhere(key)
    load(key)
    assert states.statistics == Statistics(hits=0, misses=1, events_replayed=3)
    with django_assert_num_queries(1):  # the entry's own event, and what is newer
        assert load(key).state.total == 3
    assert states.statistics == Statistics(hits=1, misses=1, events_replayed=3)
    for version in (1, 9):
        repository.load(
            Counter, tenant_id=key.tenant_id, stream_id=key.stream_id, at_version=version
        )
    assert states.statistics == Statistics(hits=1, misses=3, events_replayed=7)
    assert states.statistics.replayed_per_load == 1.75


@pytest.mark.scenario(24)
def test_a_load_sees_what_other_processes_appended(states):
    key = stream()
    execute(key)
    append_elsewhere(key, by=10)
    assert load(key).state.total == 11
    assert execute(key).state.total == 12
    assert states.statistics.events_replayed == 1


@pytest.mark.scenario(24)
def test_a_transaction_that_rolls_back_leaves_no_entry():
    key = stream()
    execute(key)
    with transaction.atomic():
        execute(key)
        assert load(key).state.total == 2
        transaction.set_rollback(True)
    assert (load(key).state.total, load(key).version) == (1, 1)


@pytest.mark.scenario(25)
def test_whoever_changes_a_state_changes_no_entry():
    key = stream()
    with transaction.atomic():
        done = execute(key)
        done.state.total = 99  # before the commit
    load(key).state.total = 98
    assert load(key).state.total == 1


@pytest.mark.scenario(24)
def test_an_entry_ahead_of_the_database_is_not_used():
    key = stream()
    for _ in range(3):
        execute(key)
    with connection.cursor() as cursor:  # a backup of before is restored
        cursor.execute("ALTER TABLE eventstore_storedevent DISABLE TRIGGER events_never_change")
        StoredEvent.objects.filter(version__gt=1).delete()
        Stream.objects.update(version=1)
        cursor.execute("ALTER TABLE eventstore_storedevent ENABLE TRIGGER events_never_change")
    assert execute(key).state.total == 2
    assert load(key).state.total == 2


def test_a_new_version_of_the_state_is_made_anew(monkeypatch):
    key = stream()
    execute(key)
    monkeypatch.setattr(Counter, "state_version", 2)
    assert load(key).state.total == 1
    assert not Snapshot.objects.exists()


def test_an_event_that_cannot_be_read_leaves_no_entry(states, monkeypatch):
    key = stream()
    append_elsewhere(key)
    with monkeypatch.context() as broken:
        broken.setattr("eventstore.events._classes", {})
        with pytest.raises(UnreadableEvent, match=f"Stream {key.stream_id}, version 1"):
            load(key)
    assert states.get(key, state_version=1) is None
    assert load(key).state.total == 1


class TestTheCache:
    def entry(self, version=1):
        return Entry.of(Counter(total=version), version=version)

    def test_keeps_what_was_used_last(self):
        states, keys = StateCache(size=2), [stream() for _ in range(3)]
        states.put({key: self.entry() for key in keys[:2]})
        states.get(keys[0], state_version=1)
        states.put({keys[2]: self.entry()})
        found = [states.get(key, state_version=1) is not None for key in keys]
        assert found == [True, False, True]

    def test_is_not_set_back_by_who_comes_late(self):
        states, key = StateCache(size=2), stream()
        for version in (2, 1):
            states.put({key: self.entry(version)})
        found = states.get(key, state_version=1)
        assert found is not None
        assert found.version == 2

    def test_keeps_the_tenants_of_one_stream_id_apart(self):
        states, key = StateCache(size=2), stream()
        states.put({key: self.entry()})
        assert states.get(stream(stream_id=key.stream_id), state_version=1) is not None
        other = stream(tenant_id=key.stream_id, stream_id=key.stream_id)
        assert states.get(other, state_version=1) is None

    def test_of_no_size_keeps_nothing(self):
        states, key = StateCache(size=0), stream()
        states.put({key: self.entry()})
        assert states.get(key, state_version=1) is None

    def test_is_bounded_by_a_setting(self, settings):
        assert PROCESS.size == settings.EVENTSTORE_CACHED_STATES
