"""A tenant's key is shredded once, with a record, and does not come back."""

import pytest
from django.db import IntegrityError, connection

from eventstore import shredding, store
from eventstore.models import TenantKey
from eventstore.store import TenantShredded
from tests.eventstore.examples import NOON, TENANT
from tests.eventstore.guests import arrival, guest
from tests.eventstore.shredding.erasing import BOB, read, shred

pytestmark = pytest.mark.django_db(transaction=True)


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
