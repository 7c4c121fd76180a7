"""Random commands against the store and against a plain model of it, which have to agree."""

import time
from collections import defaultdict
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from eventstore import feed, horizon, repository, store
from eventstore.models import Checkpoint, Snapshot, Stream
from eventstore.store import Append, StreamConflict
from tests.eventstore.examples import Counted, Counter, counted, stream

FIXED = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,  # the same commands every time: a failure here is one of the change
    database=None,
    suppress_health_check=list(HealthCheck),
)

counts = st.lists(st.integers(1, 9), min_size=1, max_size=4)
nth = st.integers(0, 5)  # one of six streams: few enough to meet again


class StoreAndModel(RuleBasedStateMachine):
    """The model: what each stream holds, and in which order each partition got its events."""

    @initialize()
    def begin(self):
        # Streams and a consumer of its own for every run, in a store that earlier runs filled.
        tenants = [UUID(int=uuid4().int & ~7 | partition) for partition in (0, 0, 1)]
        self.keys = [stream(tenants[n % 3]) for n in range(6)]
        self.consumer = str(uuid4())
        self.start = horizon.advance()
        self.streams = defaultdict(list)  # key -> (event id, count)
        self.appended = defaultdict(list)  # partition -> (stream id, version)
        self.handled = defaultdict(list)
        for partition in feed.partitions():
            Checkpoint.objects.create(
                consumer=self.consumer, partition=partition, position=self.start
            )

    def _remember(self, key, events):
        for event in events:
            self.streams[key].append(event)
            place = (key.stream_id, len(self.streams[key]))
            self.appended[store.partition_of(key.tenant_id)].append(place)

    def _append(self, key, given, expected=None):
        events = [counted(by, event_id=event_id) for event_id, by in given]
        return store.append([Append(key=key, events=events, expected=expected)])

    @rule(n=nth, counts=counts, expecting=st.booleans())
    def append(self, n, counts, expecting):
        key, given = self.keys[n], [(uuid4(), by) for by in counts]
        self._append(key, given, len(self.streams[key]) if expecting else None)
        self._remember(key, given)

    @rule(several=st.sets(nth, min_size=2), counts=counts)
    def append_to_many(self, several, counts):
        given = {self.keys[n]: [(uuid4(), by) for by in counts] for n in several}
        store.append(
            Append(key=key, events=[counted(by, event_id=one) for one, by in events])
            for key, events in given.items()
        )
        for key in sorted(given):  # positions are taken stream by stream, in the order of keys
            self._remember(key, given[key])

    @rule(n=nth, data=st.data())
    def append_some_again(self, n, data):
        key = self.keys[n]
        if not self.streams[key]:
            return
        again = data.draw(st.lists(st.sampled_from(self.streams[key]), min_size=1, max_size=3))
        new = (uuid4(), 1)
        self._append(key, [*dict.fromkeys(again), new])
        self._remember(key, [new])

    @rule(n=nth, off=st.sampled_from([-1, 1, 7]))
    def append_expecting_another_version(self, n, off):
        key = self.keys[n]
        version = len(self.streams[key])
        if version + off < 0:
            return
        with pytest.raises(StreamConflict) as conflict:
            self._append(key, [(uuid4(), 1)], version + off)
        assert (conflict.value.expected, conflict.value.actual) == (version + off, version)

    @rule(n=nth, counts=counts)
    def append_and_roll_back(self, n, counts):
        with transaction.atomic():
            self._append(self.keys[n], [(uuid4(), by) for by in counts])
            transaction.set_rollback(True)

    @rule(n=nth, by=st.integers(-1, 9))
    def execute(self, n, by):
        key = self.keys[n]
        names = {"tenant_id": key.tenant_id, "stream_id": key.stream_id}
        before = sum(one for _, one in self.streams[key])
        if by <= 0:
            with pytest.raises(ValueError, match="Count up"):
                repository.execute(Counter, **names, decide=lambda counter: counter.count(by))
            return
        done = repository.execute(Counter, **names, decide=lambda counter: counter.count(by))
        assert done.state.total == before + by
        self._remember(key, [(None, by)])
        self.streams[key][-1] = (list(store.read_stream(key))[-1].event_id, by)

    @rule(n=nth, data=st.data())
    def read_stream(self, n, data):
        key = self.keys[n]
        after = data.draw(st.integers(0, len(self.streams[key]) + 1))
        read = [
            (one.version, one.event_id, one.event)
            for one in store.read_stream(key, after_version=after)
        ]
        assert read == [
            (version, event_id, Counted(by=by))
            for version, (event_id, by) in enumerate(self.streams[key], 1)
            if version > after
        ]

    @rule(n=nth)
    def load(self, n):
        key = self.keys[n]
        loaded = repository.load(Counter, tenant_id=key.tenant_id, stream_id=key.stream_id)
        assert loaded.version == len(self.streams[key])
        assert loaded.state.total == sum(by for _, by in self.streams[key])

    @rule(several=st.sets(nth))
    def delete_snapshots(self, several):
        ids = [self.keys[n].stream_id for n in several]
        Snapshot.objects.filter(stream_id__in=ids).delete()

    @rule(partition=st.integers(0, 7), limit=st.integers(1, 5))
    def consume(self, partition, limit):
        feed.consume(
            consumer=self.consumer,
            partition=partition,
            limit=limit,
            handle=lambda events: self.handled[partition].extend(
                (one.stream_id, one.version) for one in events
            ),
        )

    @rule(partition=st.integers(0, 1))
    def fail_to_consume(self, partition):
        def fail(events):
            store.append([Append(key=stream(), events=[counted()])])
            raise RuntimeError

        try:
            feed.consume(consumer=self.consumer, partition=partition, handle=fail)
        except feed.PoisonedEvent:  # else there was nothing to handle
            feed.retry(consumer=self.consumer, partition=partition)

    @invariant()
    def what_was_handled_is_the_beginning_of_what_was_appended(self):
        for partition, handled in self.handled.items():
            assert handled == self.appended[partition][: len(handled)]

    @invariant()
    def streams_stand_at_their_last_version(self):
        ids = [key.stream_id for key in self.keys]
        heads = dict(Stream.objects.filter(stream_id__in=ids).values_list("stream_id", "version"))
        for key in self.keys:
            assert heads.get(key.stream_id, 0) == len(self.streams[key])

    def teardown(self):
        deadline = time.monotonic() + 30  # PostgreSQL's own housekeeping may hold a gap
        while self.handled != self.appended and time.monotonic() < deadline:
            for partition in feed.partitions():
                self.consume(partition=partition, limit=1000)
        assert {p: h for p, h in self.handled.items() if h} == dict(self.appended)


@pytest.mark.django_db(transaction=True)
def test_the_store_and_its_feed_do_what_the_model_does():
    run_state_machine_as_test(StoreAndModel, settings=FIXED)
