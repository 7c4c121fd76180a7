"""A shredded tenant's sealed values are erased for ever; the facts of quantity stay."""

from threading import Thread

import pytest
from django.db import connection, transaction

from eventstore import cache, keyring, store
from eventstore.models import Snapshot, TenantKey
from eventstore.rehydrating import entries
from eventstore.sealing import Key
from eventstore.store import Append, TenantShredded
from tests.eventstore.examples import TENANT
from tests.eventstore.guests import Guest, Left, arrival, awaited, guest, new
from tests.eventstore.servers import until
from tests.eventstore.shredding.erasing import BOB, ERASED, all_tables, leave, load, read, shred

pytestmark = pytest.mark.django_db(transaction=True)


class TestASealedValue:
    def test_reads_as_erased_and_what_is_counted_stays(self, key):
        shred()
        assert read(key) == [ERASED]
        assert load(key).state == Guest(name="[erased]", email=None, nights=2)

    def test_of_another_tenant_stays(self, key):
        other = guest(BOB)
        store.append([arrival(other, name="Bob")])
        leave(other)
        shred()
        assert read(other)[0].name == "Bob"
        assert load(other).state.name == "Bob"
        assert Snapshot.objects.get().tenant_id == BOB
        store.append([arrival(other, name="Bo")])

    def test_is_gone_from_snapshots_and_from_this_process(self, key):
        leave(key)
        assert "ada@example.org" in all_tables()
        assert cache.states.get(key, state_version=1) is not None
        shred()
        assert not Snapshot.objects.exists()
        assert cache.states.get(key, state_version=1) is None
        assert "ada@example.org" not in all_tables()

    def test_that_another_process_still_has_is_not_saved_and_is_gone_after_a_while(
        self, key, monkeypatch
    ):
        elsewhere = entries({key: load(key)})
        shred()
        cache.states.put(elsewhere)
        assert leave(key).state.name == "Ada"
        assert not Snapshot.objects.exists()
        leave(key)  # brings the entry forward, which makes it no younger
        monkeypatch.setattr("time.monotonic", lambda: elsewhere[key].read_at + 61)
        assert load(key).state.name == "[erased]"
        assert not Snapshot.objects.exists()

    def test_is_erased_where_code_awaits(self, key):
        async def use():
            events = [one.event async for one in store.aread_stream(key)]
            with pytest.raises(TenantShredded):
                await store.aappend([arrival(key)])
            return events

        shred()
        assert awaited(use) == [ERASED]

    def test_is_taken_no_more(self, key):
        shred()
        with pytest.raises(TenantShredded, match=str(TENANT)):
            store.append([arrival(key)])
        assert read(key) == [ERASED]

    def test_does_not_stop_what_has_none(self, key):
        shred()
        store.append([Append(key=key, events=[new(Left())])])
        assert read(key) == [ERASED, Left()]

    def test_that_was_sealed_with_a_key_that_was_shredded_meanwhile_is_erased(self, key):
        secret = TenantKey.objects.get().key
        shred()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keyring, "to_seal", lambda tenants: _given(secret))
            store.append([arrival(key)])
        assert read(key) == [ERASED] * 2


def _given(secret):
    yield from ()
    return {TENANT: Key(bytes(secret))}


def test_a_state_that_is_just_being_saved_is_waited_for(key):
    saved, over = [], []

    def write():
        with transaction.atomic():
            leave(key)
            saved.append(True)
            until(lambda: over)
        connection.close()

    def shred_and_close():
        shred()
        connection.close()

    writer, shredder = Thread(target=write), Thread(target=shred_and_close)
    writer.start()
    until(lambda: saved)
    shredder.start()
    try:
        until(someone_waits_for_a_lock)
    finally:
        over.append(True)
        writer.join()
        shredder.join()
    assert TenantKey.objects.get().key is None
    assert not Snapshot.objects.exists()
    cache.states.clear()
    assert load(key).state.name == "[erased]"


def someone_waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]
