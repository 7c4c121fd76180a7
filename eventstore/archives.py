"""Let payloads of events go that are archived elsewhere: the identities, and what is kept, stay.

A record says where the payloads are, which paths of the data are kept, and the digests of all its
events, as they were and as they are now. The guard lets an event become just what is left by such a
record (migration 0016), and the check compares them with it for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction

from eventstore.models import Archive

MARK = "$archived"  # the key of what an archived event says of its archive


class ArchiveDiffers(Exception):
    """The archive does not have the events as they are stored: nothing was dropped."""


@dataclass(frozen=True, slots=True)
class Payloads:
    """The events of one type of a tenant that an archive has, by position.

    ``digest`` is the archive's, of their contents: see :func:`content_digest`. ``digests`` say of
    each event what it was, to whoever compares it with one that is sent again; ``keeps`` are paths.
    """

    tenant_id: UUID
    type: str
    positions: Sequence[int]
    digest: bytes
    digests: Sequence[str]
    keeps: Sequence[Sequence[str]]
    place: str


def drop(payloads: Payloads, *, by: str) -> Archive:
    """Take the payloads out of the events, in one transaction with the record of it.

    Raises ArchiveDiffers where the stored events are not those of the archive, to the last byte.
    """
    values: dict[str, Any] = {
        "tenant": payloads.tenant_id,
        "type": payloads.type,
        "positions": list(payloads.positions),
        "digests": list(payloads.digests),
        "first": payloads.positions[0],
        "last": payloads.positions[-1],
        "keeps": msgspec.json.encode(payloads.keeps).decode(),
        "place": payloads.place,
        "by": by,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('eventstore_archive', 'id'))")
        [values["id"]] = cursor.fetchone()
        cursor.execute(RECORD, values)
        record = Archive.objects.get(pk=values["id"])
        if (record.events, bytes(record.digest)) != (len(payloads.positions), payloads.digest):
            raise ArchiveDiffers(
                f"{payloads.place} does not have the events of tenant {payloads.tenant_id} from "
                f"position {values['first']} to {values['last']} as they are stored."
            )
        cursor.execute(DROP, values)
        return record


def content_digest(tenant_id: UUID, positions: Sequence[int]) -> bytes:
    """Return the digest of stored events: SHA-256, each with that of those before it."""
    with connection.cursor() as cursor:
        cursor.execute(DIGEST, {"tenant": tenant_id, "positions": list(positions)})
        [digest] = cursor.fetchone()
    return bytes(digest or b"")


_CONTENT = """eventstore_content(
    event.tenant_id, stream_id, version, event_id, event.type, schema_version, {data}, metadata,
    occurred_at, recorded_at
)"""
CONTENT, LEFT_CONTENT = _CONTENT.format(data="data"), _CONTENT.format(data="left_over")
LEFT = """eventstore_kept(data, %(keeps)s::jsonb) || jsonb_build_object(
    '$archived', jsonb_build_object('in', %(id)s::bigint, 'digest', given.digest)
)"""
EVENTS = """eventstore_storedevent AS event
JOIN unnest(%(positions)s::bigint[], %(digests)s::text[]) AS given (at, digest) ON position = at
WHERE event.tenant_id = %(tenant)s AND event.type = %(type)s
    AND position BETWEEN %(first)s AND %(last)s"""
RECORD = f"""
INSERT INTO eventstore_archive (
    id, tenant_id, type, first_position, last_position, keeps, place, archived_by,
    events, digest, left_digest
)
SELECT %(id)s, %(tenant)s, %(type)s, %(first)s, %(last)s, %(keeps)s::jsonb, %(place)s, %(by)s,
    count(*), coalesce(eventstore_chain('', {CONTENT} ORDER BY position), ''),
    coalesce(eventstore_chain('', {LEFT_CONTENT} ORDER BY position), '')
FROM (SELECT event.*, {LEFT} AS left_over FROM {EVENTS}) AS event
"""  # noqa: S608 (constants only)
DROP = f"""
UPDATE eventstore_storedevent AS event SET data = {LEFT}
FROM unnest(%(positions)s::bigint[], %(digests)s::text[]) AS given (at, digest)
WHERE position = at AND event.tenant_id = %(tenant)s AND event.type = %(type)s
    AND position BETWEEN %(first)s AND %(last)s
"""  # noqa: S608 (constants only)
DIGEST = f"""
SELECT eventstore_chain('', {CONTENT} ORDER BY position)
FROM eventstore_storedevent AS event
JOIN unnest(%(positions)s::bigint[]) AS given (at) ON position = at
WHERE event.tenant_id = %(tenant)s
"""  # noqa: S608 (constants only)
