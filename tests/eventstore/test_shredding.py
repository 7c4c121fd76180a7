"""A tenant's personal values can be erased for ever; the facts of quantity stay."""

from io import StringIO
from threading import Thread
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from eventstore import cache, chain, check, keyring, repository, shredding, store
from eventstore.models import Snapshot, StoredEvent, TenantKey, Withdrawal
from eventstore.rehydrating import entries
from eventstore.sealing import Key
from eventstore.store import Append, TenantShredded
from tests.eventstore.examples import TENANT
from tests.eventstore.guests import (
    Arrived,
    Guest,
    Left,
    arrival,
    awaited,
    before_it_was_sealed,
    guest,
    new,
)
from tests.eventstore.servers import until
from tests.eventstore.test_check import corrupt
from tests.factories import make_user
from tests.uploads.examples import NOON

pytestmark = pytest.mark.django_db(transaction=True)

BOB = UUID(int=0xB0B)
ERASED = Arrived(name="[erased]", email=None, nights=2)


@pytest.fixture
def key():
    key = guest()
    store.append([arrival(key)])
    return key


@pytest.fixture
def _chained():
    chain.turn_on()
    yield
    chain.turn_off()


def shred(tenant=TENANT):
    return shredding.shred(tenant_id=tenant, by="alice", reason="by law")


def read(key):
    return [one.event for one in store.read_stream(key)]


def load(key):
    return repository.load(Guest, tenant_id=key.tenant_id, stream_id=key.stream_id)


def leave(key):
    return repository.execute(
        Guest,
        tenant_id=key.tenant_id,
        stream_id=key.stream_id,
        decide=lambda guest: [new(Left())] * 3,
    )


def all_tables():
    """Everything that the store's tables hold, as text."""
    names = ["storedevent", "snapshot", "tenantkey", "withdrawal", "chainlink", "stream"]
    tables = [f"eventstore_{name}" for name in names]
    with connection.cursor() as cursor:
        texts = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} AS t")
            texts.append(cursor.fetchone()[0])
    return " ".join(texts)


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
        assert Snapshot.objects.get().state["name"] == "Ada"
        assert cache.states.get(key, state_version=1) is not None
        shred()
        assert not Snapshot.objects.exists()
        assert cache.states.get(key, state_version=1) is None
        assert "Ada" not in all_tables()

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


class TestTheKey:
    def test_leaves_a_record(self, key):
        done = shred()
        record = TenantKey.objects.get()
        assert done.record == record
        assert (record.key, record.shredded_by, record.reason) == (
            None,
            "alice",
            "by law",
        )
        assert (record.events, done.withdrawn) == (1, 0)
        assert record.shredded_at is not None

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE eventstore_tenantkey SET key = '\\x00', shredded_at = NULL, events = NULL, "
            "shredded_by = '', reason = ''",
            "UPDATE eventstore_tenantkey SET reason = 'none'",
            "DELETE FROM eventstore_tenantkey",
        ],
    )
    def test_does_not_come_back_nor_does_its_record_change(self, key, change):
        shred()
        with pytest.raises(IntegrityError, match="does not come back"), connection.cursor() as db:
            db.execute(change)

    def test_cannot_be_changed(self, key):
        with pytest.raises(IntegrityError, match="only ever shredded"):
            TenantKey.objects.update(key=b"0" * 32)

    def test_is_not_shredded_without_who_and_why(self, key):
        with pytest.raises(IntegrityError, match="a_shredded_key_is_whole"):
            TenantKey.objects.update(key=None, shredded_at=NOON, events=1)

    def test_is_shredded_once(self, key):
        first = shred().record
        again = shredding.shred(tenant_id=TENANT, by="bob", reason="once more")
        assert (again.record, again.withdrawn) == (first, 0)
        assert again.record.shredded_by == "alice"

    def test_of_a_tenant_that_never_had_one_is_never_made(self):
        assert shred(BOB).record.events == 0
        with pytest.raises(TenantShredded):
            store.append([arrival(guest(BOB))])

    def test_stays_where_somebody_cannot_erase_his_own(self, key):
        def fail(**_):
            raise RuntimeError("not now")

        shredding.shredded.connect(fail)
        try:
            with pytest.raises(RuntimeError, match="not now"):
                shred()
        finally:
            shredding.shredded.disconnect(fail)
        assert read(key)[0].name == "Ada"


class TestAPlainValue:
    """Written before its field was declared as sealed."""

    @pytest.fixture
    def key(self, key, monkeypatch):
        with before_it_was_sealed(monkeypatch):
            store.append([arrival(key, name="Plain Jane")])
            store.append([arrival(key, name="Tom", email=None)])
            store.append([arrival(guest(BOB), name="Bob")])
        assert "Plain Jane" in all_tables()
        return key

    def test_can_be_read(self, key):
        assert [one.name for one in read(key)] == ["Ada", "Plain Jane", "Tom"]

    def test_is_withdrawn_by_a_shredding(self, key):
        done = shred()
        assert (done.record.events, done.withdrawn) == (3, 2)
        assert read(key) == [ERASED] * 3
        assert "Jane" not in all_tables()
        assert "Bob" in all_tables()

    def test_leaves_a_record_that_stays(self, key):
        shred()
        rows = Withdrawal.objects.order_by("version")
        versions = rows.values_list("version", "withdrawn_by", "reason")
        assert list(versions) == [
            (2, "alice", "by law"),
            (3, "alice", "by law"),
        ]
        changes = (Withdrawal.objects.all().delete, lambda: Withdrawal.objects.update(version=9))
        for change in changes:
            with pytest.raises(IntegrityError, match="stays on record"):
                change()

    def test_that_comes_later_is_withdrawn_by_the_next_one(self, key, monkeypatch):
        shred()
        with before_it_was_sealed(monkeypatch):
            store.append([arrival(key, name="Late")])
        assert shred().withdrawn == 1
        assert read(key) == [ERASED] * 4
        assert shred().withdrawn == 0

    @pytest.mark.usefixtures("_chained")
    def test_is_no_finding_of_the_check_but_on_record(self, key):
        shred()
        out = StringIO()
        call_command("eventstore_check", stdout=out)
        [note, result] = out.getvalue().splitlines()
        assert note.startswith(
            f"On record: Plain personal values of tenant {TENANT} were withdrawn"
        )
        assert note.endswith("by alice: by law")
        assert result == "The event store is as it must be."

    @pytest.mark.usefixtures("_chained")
    def test_excuses_no_other_change_of_its_event(self, key):
        shred()
        corrupt(
            "UPDATE eventstore_storedevent SET data = jsonb_set(data, '{nights}', '9') "
            "WHERE tenant_id = %s AND version = 2",
            TENANT,
        )
        [finding] = check.findings()
        assert f"{key.stream_id} of tenant {TENANT}, version 2: the event" in finding


@pytest.mark.usefixtures("_chained")
def test_a_chain_is_of_what_is_stored_and_stays_whole(key):
    store.append([arrival(key)])
    shred()
    store.append([Append(key=key, events=[new(Left())])])
    assert list(check.findings()) == []
    assert list(check.notes()) == []


class TestTheGuardOfEvents:
    MARK = """data = jsonb_set(data, '{name}', '{"$sealed": ""}')"""

    @pytest.fixture
    def key(self, key, monkeypatch):
        with before_it_was_sealed(monkeypatch):
            store.append([arrival(key, name="Plain Jane")])
        return key

    def change(self, change):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE eventstore_storedevent SET {change} WHERE version = 2")

    def allow(self, change):
        """Write the record that lets an event become what a change makes of it."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE eventstore_storedevent DISABLE TRIGGER USER")
            self.change(change)
            cursor.execute(
                "CREATE TEMPORARY TABLE allowed ON COMMIT DROP AS "
                "SELECT tenant_id, stream_id, version, sha256(convert_to(eventstore_content("
                "tenant_id, stream_id, version, event_id, type, schema_version, data, metadata, "
                "occurred_at, recorded_at), 'UTF8')) AS digest "
                "FROM eventstore_storedevent WHERE version = 2"
            )
            cursor.execute("SELECT * FROM allowed")
            row = cursor.fetchone()
            transaction.set_rollback(True)
        tenant_id, stream_id, version, digest = row
        Withdrawal.objects.create(
            tenant_id=tenant_id,
            stream_id=stream_id,
            version=version,
            digest=digest,
            withdrawn_by="mallory",
            reason="why not",
        )

    def test_lets_through_what_a_shredding_does(self, key):
        shred_only_the_key()
        self.allow(self.MARK)
        self.change(self.MARK)
        assert StoredEvent.objects.get(version=2).data["name"] == {"$sealed": ""}

    def test_refuses_it_without_a_record(self, key):
        shred_only_the_key()
        with pytest.raises(IntegrityError, match="for ever"):
            self.change(self.MARK)

    def test_refuses_it_while_the_tenant_has_its_key(self, key):
        self.allow(self.MARK)
        with pytest.raises(IntegrityError, match="for ever"):
            self.change(self.MARK)

    @pytest.mark.parametrize(
        "change",
        [
            "data = jsonb_set(data, '{nights}', '9')",
            """data = jsonb_set(data, '{nights}', '{"$sealed": ""}')""",
            """data = jsonb_set(data, '{name}', '"Mallory"')""",
            """data = data || '{"more": {"$sealed": ""}}'""",
            "data = data - 'name'",
            """metadata = '{"actor": "mallory"}'""",
            "occurred_at = now()",
            f"{MARK}, position = position + 1000",
            "version = 7",
        ],
    )
    def test_refuses_all_else_even_with_a_record(self, key, change):
        shred_only_the_key()
        if change != "version = 7":
            self.allow(change)
        with pytest.raises(IntegrityError, match="for ever"):
            self.change(change)

    def test_refuses_to_delete(self, key):
        shred_only_the_key()
        with pytest.raises(IntegrityError, match="for ever"):
            StoredEvent.objects.filter(tenant_id=TENANT).delete()


def shred_only_the_key():
    TenantKey.objects.update(key=None, shredded_at=NOON, shredded_by="a", reason="b", events=1)


class TestTheCommand:
    def call(self, *arguments, out=None):
        call_command("eventstore_shred", str(TENANT), *arguments, stdout=out or StringIO())

    def test_asks_and_may_be_left(self, key, monkeypatch):
        monkeypatch.setattr("builtins.input", lambda question: "no")
        with pytest.raises(CommandError, match="Nothing was shredded"):
            self.call("--by", "alice", "--reason", "law")
        assert read(key)[0].name == "Ada"

    def test_does_it_and_says_what_it_did(self, key):
        out = StringIO()
        self.call("--by", "alice", "--reason", "law", "--yes", out=out)
        assert "by alice: 1 events had sealed fields" in out.getvalue()
        assert read(key) == [ERASED]

    def test_wants_to_know_who_and_why(self, key):
        with pytest.raises(CommandError, match="Say who and why"):
            self.call("--by", " ", "--reason", "law", "--yes")


class TestThePage:
    URL = "/admin/eventstore/checkpoint/shreddings/"

    def test_lists_who_and_why_and_no_key(self, as_user, operator, key):
        shred()
        store.append([arrival(guest(BOB))])
        page = as_user(operator).get(reverse("admin:eventstore_shreddings")).content.decode()
        assert str(TENANT) in page
        assert "alice" in page
        assert "by law" in page
        assert str(BOB) not in page

    def test_is_not_for_everyone(self, as_user):
        staff = make_user("staff@example.org", is_staff=True)
        assert as_user(staff).get(self.URL).status_code == 403


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
