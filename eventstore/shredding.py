"""Erase a tenant's personal values for ever: shred its key; the facts of quantity stay.

All of it is one transaction, and the database keeps the record. Values that were written plainly,
before their fields were declared as sealed, are withdrawn from the events: the one change of an
event that the guard lets through (migration 0014).
"""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.dispatch import Signal

from eventstore import cache, keyring
from eventstore import events as codec
from eventstore.models import TenantKey

shredded = Signal()
"""Sent in the transaction with ``tenant_id``: whoever keeps such values elsewhere erases them."""


@dataclass(frozen=True, slots=True)
class Shredding:
    """The record of a shredding, and how many events had to be changed this time."""

    record: TenantKey
    withdrawn: int


def shred(*, tenant_id: UUID, by: str, reason: str) -> Shredding:
    """Shred a tenant's key, for ever; withdraw what was not sealed, snapshots and cached states.

    Once more, it withdraws what has been written plainly since. Other processes may show what they
    have in memory for ``cache.MAX_AGE`` seconds.
    """
    values: dict[str, str | UUID] = {
        "tenant": tenant_id,
        "by": by,
        "reason": reason,
        "fields": msgspec.json.encode(codec.sealed_fields()).decode(),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SHRED, values)
        cursor.execute(RECORD_WITHDRAWALS, values)
        withdrawn = cursor.rowcount
        if withdrawn:
            cursor.execute(WITHDRAW, values)
        shredded.send(sender=TenantKey, tenant_id=tenant_id)
        # Last, for it is short: waits for whoever is about to save a state, and then no one will.
        cursor.execute("LOCK TABLE eventstore_snapshot IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(DELETE_SNAPSHOTS, values)
        transaction.on_commit(partial(_forget, tenant_id))
        return Shredding(TenantKey.objects.get(pk=tenant_id), withdrawn)


def _forget(tenant_id: UUID, **_: Any) -> None:
    keyring.keys.forget([tenant_id])
    cache.states.drop_tenant(tenant_id)


SHRED = """
INSERT INTO eventstore_tenantkey AS known
    (tenant_id, created_at, shredded_at, shredded_by, reason, events)
SELECT %(tenant)s, now(), now(), %(by)s, %(reason)s, count(*)
FROM eventstore_storedevent
WHERE tenant_id = %(tenant)s AND EXISTS (
    SELECT FROM jsonb_array_elements_text(%(fields)s::jsonb -> type) AS wanted (name)
    WHERE jsonb_typeof(data -> name) <> 'null'
)
ON CONFLICT (tenant_id) DO UPDATE SET key = NULL, shredded_at = excluded.shredded_at,
    shredded_by = excluded.shredded_by, reason = excluded.reason, events = excluded.events
WHERE known.key IS NOT NULL
"""

PLAIN = """
tenant_id = %(tenant)s AND %(fields)s::jsonb ? type
    AND eventstore_withdrawn(data, %(fields)s::jsonb -> type) <> data
"""

RECORD_WITHDRAWALS = """
INSERT INTO eventstore_withdrawal
    (tenant_id, stream_id, version, digest, withdrawn_by, reason)
SELECT tenant_id, stream_id, version, sha256(convert_to(eventstore_content(
    tenant_id, stream_id, version, event_id, type, schema_version,
    eventstore_withdrawn(data, %(fields)s::jsonb -> type), metadata, occurred_at, recorded_at
), 'UTF8')), %(by)s, %(reason)s
FROM eventstore_storedevent WHERE {PLAIN}
""".replace("{PLAIN}", PLAIN)

WITHDRAW = """
UPDATE eventstore_storedevent
SET data = eventstore_withdrawn(data, %(fields)s::jsonb -> type)
WHERE {PLAIN}
""".replace("{PLAIN}", PLAIN)

DELETE_SNAPSHOTS = "DELETE FROM eventstore_snapshot WHERE tenant_id = %(tenant)s"
