import pytest

from eventstore import repository, store
from eventstore.models import Snapshot
from eventstore.store import Append
from tests.eventstore.examples import TENANT, Counter, counted, stream

pytestmark = pytest.mark.django_db


def execute(key, by):
    return repository.execute(
        Counter,
        tenant_id=key.tenant_id,
        stream_id=key.stream_id,
        decide=lambda counter: counter.count(by),
    )


def load(key):
    return repository.load(Counter, tenant_id=key.tenant_id, stream_id=key.stream_id)


class TestExecute:
    def test_decides_on_the_state_that_all_events_make(self):
        key = stream()
        execute(key, 2)
        assert execute(key, 3).state.total == 5
        assert load(key).version == 2

    def test_writes_nothing_when_the_aggregate_refuses(self):
        key = stream()
        with pytest.raises(ValueError, match="Count up"):
            execute(key, -1)
        assert list(store.read_stream(key)) == []
        assert load(key).version == 0

    def test_saves_a_snapshot_when_it_is_due(self):
        key = stream()
        for _ in range(7):
            execute(key, 1)
        assert Snapshot.objects.get().version == 5
        assert (load(key).state.total, load(key).version) == (7, 7)

    def test_of_many_is_as_many_round_trips_as_of_one(self, django_assert_num_queries):
        keys = [stream() for _ in range(50)]
        for key in keys:
            store.append([Append(key=key, events=[counted()])])
        decisions = {key: lambda counter: counter.count(counter.total + 1) for key in keys}
        with django_assert_num_queries(5):  # savepoint, lock, states, append, release
            done = repository.execute_many(Counter, decisions)
        assert {one.state.total for one in done.values()} == {3}


class TestLoad:
    def test_of_no_stream_is_the_empty_state_at_version_0(self):
        loaded = load(stream())
        assert (loaded.state, loaded.version) == (Counter(), 0)

    def test_does_not_need_its_snapshot(self):
        key = stream()
        for _ in range(6):
            execute(key, 1)
        Snapshot.objects.all().delete()
        assert load(key).state.total == 6

    @pytest.mark.scenario(28)
    def test_ignores_a_snapshot_of_another_version_of_the_state(self):
        key = stream(TENANT)
        for _ in range(5):
            execute(key, 1)
        Snapshot.objects.update(state_version=0, state={"total": 99})
        assert load(key).state.total == 5
