"""What tests of shredding do to a guest, and look at after it."""

from uuid import UUID

from django.db import connection

from eventstore import repository, shredding, store
from eventstore.models import TenantKey
from tests.eventstore.examples import NOON, TENANT
from tests.eventstore.guests import Arrived, Guest, Left, new

BOB = UUID(int=0xB0B)
ERASED = Arrived(name="[erased]", email=None, nights=2)


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
    """Everything that the store's tables hold, as text.

    Ciphers are in it, and any few letters may be in those: look for what base64 cannot have.
    """
    names = ["storedevent", "snapshot", "tenantkey", "withdrawal", "chainlink", "stream"]
    tables = [f"eventstore_{name}" for name in names]
    with connection.cursor() as cursor:
        texts = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} AS t")
            texts.append(cursor.fetchone()[0])
    return " ".join(texts)


def shred_only_the_key():
    TenantKey.objects.update(key=None, shredded_at=NOON, shredded_by="a", reason="b", events=1)
