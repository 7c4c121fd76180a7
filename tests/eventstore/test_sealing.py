"""Personal values are sealed in the database, and nobody who reads events notices."""

from functools import partial
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from eventstore import check, drivers, events, feed, keyring, repository, sealing, store
from eventstore.events import Event, UnreadableEvent, UnsealableField, event_type, upcaster
from eventstore.models import Snapshot, StoredEvent, TenantKey
from eventstore.store import Append, OtherContent
from tests.eventstore.examples import TENANT, counted, stream
from tests.eventstore.guests import Arrived, Guest, Left, arrival, awaited, guest, new
from tests.eventstore.test_check import corrupt
from tests.races import run_at_once

pytestmark = pytest.mark.django_db(transaction=True)

SEALED_ONCE = '{"name": {"$sealed": "RzvJh6jMyDkXih5XmTXSyAcek8HX9/GvANygh56Vw+As"}, "nights": 2}'
ADA = Arrived(name="Ada", email="ada@example.org", nights=2)


def stored():
    """All that the tables of events hold, as text. In their ciphers any few letters may be."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(data::text, ' ') FROM eventstore_storedevent")
        return cursor.fetchone()[0]


def arrive_again(how, guest):
    return [new(Arrived(name=guest.name + how))]


def read(key):
    return [one.event for one in store.read_stream(key)]


class TestWhatIsStored:
    def test_does_not_show_what_is_sealed(self):
        store.append([arrival(guest(), name='A"d\\a ✓', email=None)])
        data = StoredEvent.objects.get().data
        assert data.keys() == {"name", "email", "nights"}
        assert data["name"].keys() == {"$sealed"}
        assert (data["email"], data["nights"]) == (None, 2)

    def test_never_looks_the_same_twice(self):
        key = guest()
        store.append([arrival(key), arrival(key)])
        first, second = (one.data["name"]["$sealed"] for one in StoredEvent.objects.all())
        assert first != second

    def test_has_a_key_for_each_tenant(self):
        for tenant in (1, 2, 1):
            store.append([arrival(guest(UUID(int=tenant)))])
        keys = [bytes(one.key or b"") for one in TenantKey.objects.all()]
        assert [len(key) for key in keys] == [32, 32]
        assert keys[0] != keys[1]

    def test_opens_at_no_other_place(self):
        here, there = guest(), guest()
        store.append([arrival(here), arrival(there, name="Bob")])
        corrupt(
            "UPDATE eventstore_storedevent SET data = other.data FROM eventstore_storedevent AS "
            "other WHERE eventstore_storedevent.stream_id = %s AND other.stream_id = %s",
            *(here.stream_id, there.stream_id),
        )
        assert read(there)[0].name == "Bob"
        with pytest.raises(UnreadableEvent, match=f"{here.stream_id}, version 1.*cannot be opened"):
            read(here)
        [finding] = check.findings()
        assert f"Stream {here.stream_id}" in finding

    def test_can_be_opened_for_ever(self):
        place = sealing.Place(UUID(int=1), UUID(int=2), "test.arrived")
        ring = {UUID(int=1): sealing.Key(bytes(range(32)))}
        assert sealing.open_data(SEALED_ONCE, place, ring) == '{"name":"Ada","nights":2}'

    def test_is_nothing_without_the_key(self):
        key = guest()
        store.append([arrival(key)])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # as a superuser may
            cursor.execute("TRUNCATE eventstore_tenantkey")
        keyring.keys.forget([TENANT])
        with pytest.raises(UnreadableEvent, match="has no key"):
            read(key)


class TestReadersSeeNothingOfIt:
    @pytest.fixture
    def key(self):
        key = guest()
        store.append([arrival(key), Append(key=key, events=[new(Left())] * 3)])
        return key

    def test_in_a_stream(self, key):
        assert read(key) == [ADA, *[Left()] * 3]

    def test_in_the_feed(self, key):
        seen = []
        store.append([arrival(guest(UUID(int=TENANT.int + 8)), name="Bob")])  # in this partition
        partition = store.partition_of(TENANT)
        assert feed.consume(consumer="tests", partition=partition, handle=seen.extend) == 5
        assert [one.event.name for one in seen if isinstance(one.event, Arrived)] == ["Ada", "Bob"]

    def test_in_an_aggregate(self, key):
        loaded = repository.load(Guest, tenant_id=key.tenant_id, stream_id=key.stream_id)
        assert loaded.state == Guest(name="Ada", email="ada@example.org", nights=2)

    def test_in_an_aggregate_that_decides_and_is_saved(self, key):
        done = repository.execute(
            Guest,
            tenant_id=key.tenant_id,
            stream_id=key.stream_id,
            decide=partial(arrive_again, " again"),
        )
        assert done.state.name == "Ada again"
        assert Snapshot.objects.get().state["name"] == "Ada again"
        assert list(check.findings()) == []

    def test_in_the_first_step_of_an_aggregate(self):
        key = guest()
        with transaction.atomic():  # so nobody else could have made the key
            for step in ("+", "-"):
                repository.execute(
                    Guest,
                    tenant_id=key.tenant_id,
                    stream_id=key.stream_id,
                    decide=partial(arrive_again, step),
                )
        assert [one.name for one in read(key)] == ["+", "+-"]

    def test_where_code_awaits(self):
        key = guest()

        async def use():
            await store.aappend([arrival(key)])
            await repository.aexecute(
                Guest,
                tenant_id=key.tenant_id,
                stream_id=key.stream_id,
                decide=partial(arrive_again, " again"),
            )
            seen = [one.event async for one in store.aread_stream(key)]
            keyring.keys.forget([TENANT])
            seen += [one.event async for one in store.aread_stream(key)]
            loaded = await repository.aload(
                Guest, tenant_id=key.tenant_id, stream_id=key.stream_id, at_version=1
            )
            return seen, loaded.state.name

        again = Arrived(name="Ada again")
        assert awaited(use) == ([ADA, again] * 2, "Ada")
        assert "Ada again" not in stored()


class TestSentAgain:
    def test_an_event_is_found_equal(self):
        key, event_id = guest(), uuid4()
        store.append([arrival(key, event_id=event_id)])
        again = store.append([arrival(key, event_id=event_id)])
        assert (again.new, [one.event for one in again.repeated]) == (0, [ADA])

    def test_with_another_value_it_is_refused(self):
        key, event_id = guest(), uuid4()
        store.append([arrival(key, event_id=event_id)])
        with pytest.raises(OtherContent):
            store.append([arrival(key, name="Bob", event_id=event_id)])


class TestKeys:
    def test_are_not_asked_for_where_nothing_is_sealed(self, django_assert_num_queries):
        key = guest()
        with django_assert_num_queries(1):
            store.append([Append(key=key, events=[new(Left())] * 2)])
        with django_assert_num_queries(1):
            assert read(key) == [Left()] * 2

    def test_are_asked_for_once_to_append_and_once_a_while_to_read(self, django_assert_num_queries):
        key = guest()
        store.append([arrival(key)])
        with django_assert_num_queries(2):
            store.append([arrival(key)])
        with django_assert_num_queries(1):
            read(key)
        keyring.keys.forget([TENANT])
        with django_assert_num_queries(2):
            read(key)

    def test_that_were_rolled_back_are_not_remembered(self):
        key = guest(uuid4())
        with transaction.atomic():
            store.append([arrival(key, name="Bob")])
            assert read(key)[0].name == "Bob"
            transaction.set_rollback(True)
        assert keyring.keys.get([key.tenant_id]) == {}
        store.append([arrival(key)])
        assert read(key) == [ADA]

    def test_of_a_new_tenant_are_made_once_by_all_who_begin_at_once(self):
        keys = [guest(UUID(int=99)) for _ in range(6)]
        run_at_once(*[lambda key=key: store.append([arrival(key)]) for key in keys], expected=())
        assert TenantKey.objects.count() == 1
        keyring.keys.forget([UUID(int=99)])
        assert [read(key) for key in keys] == [[ADA]] * 6

    def test_are_kept_for_a_while_and_within_bounds(self, monkeypatch):
        cached = keyring.KeyCache(size=2, seconds=60)
        cached.put({UUID(int=nth): None for nth in range(3)})
        assert cached.get([UUID(int=nth) for nth in range(3)]) == {
            UUID(int=1): None,
            UUID(int=2): None,
        }
        cached.seconds = -1
        assert cached.get([UUID(int=2)]) == {}


class TestFields:
    @pytest.fixture(autouse=True)
    def _forgotten(self, monkeypatch):
        for name in ("_classes", "_names", "_upcasters", "sealed_classes"):
            monkeypatch.setattr(events, name, getattr(events, name).copy())

    @pytest.mark.parametrize("name", ["nights", "nmae"])
    def test_that_cannot_be_sealed_are_refused(self, name):
        class Stayed(Event, frozen=True):
            sealed: ClassVar = frozenset({name})
            nights: int

        with pytest.raises(UnsealableField, match=rf"Stayed\.{name} is no field"):
            event_type("test.stayed")(Stayed)

    def test_are_open_for_upcasters_under_their_old_names_too(self):
        class Called(Event, frozen=True):
            sealed: ClassVar = frozenset({"nick"})
            nick: str

        class CalledNow(Event, frozen=True):
            sealed: ClassVar = frozenset({"nick", "title"})
            title: str

        event_type("test.called")(Called)
        key = guest()
        store.append([Append(key=key, events=[new(Called(nick="ada again"))])])
        assert "ada again" not in stored()

        del events._classes["test.called"]
        event_type("test.called", version=2)(CalledNow)
        upcaster("test.called", from_version=1)(lambda data: {"title": data["nick"].upper()})
        assert read(key) == [CalledNow(title="ADA AGAIN")]


def test_other_data_that_look_sealed_are_left_as_they_are(monkeypatch):
    key = guest()
    name = '{"$sealed": "AAAA"}'  # a string of a customer's, with quotes that are escaped
    store.append([arrival(key, name=name), Append(key=stream(), events=[counted()])])
    assert read(key)[0].name == name


def test_drivers_ask_for_keys_within_the_callers_transaction():
    key = guest(uuid4())

    async def use():
        async with drivers.aconnection() as db, db.transaction(force_rollback=True):
            await store.aappend([arrival(key)], connection=db)
            seen = [one async for one in store.aread_stream(key, connection=db)]
            assert seen[0].event == ADA

    awaited(use)
    assert not TenantKey.objects.exists()
