"""What was written before its field was sealed is withdrawn by a shredding."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError

from eventstore import check, store
from eventstore.models import Withdrawal
from eventstore.store import Append
from tests.eventstore.examples import TENANT
from tests.eventstore.guests import Left, arrival, before_it_was_sealed, guest, new
from tests.eventstore.shredding.erasing import BOB, ERASED, all_tables, read, shred
from tests.eventstore.test_check import corrupt

pytestmark = pytest.mark.django_db(transaction=True)


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
        assert "Plain Jane" not in all_tables()
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
