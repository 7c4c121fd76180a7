"""The database lets an event become what a shredding makes of it, and nothing else."""

import pytest
from django.db import IntegrityError, connection, transaction

from eventstore import store
from eventstore.models import StoredEvent, Withdrawal
from tests.eventstore.examples import TENANT
from tests.eventstore.guests import arrival, before_it_was_sealed
from tests.eventstore.shredding.erasing import shred_only_the_key

pytestmark = pytest.mark.django_db(transaction=True)


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
