"""Drop payloads that are archived: what services read of them stays, and all that names an event.

Events that would not be smaller by it stay as they are: their mark takes some room as well. Each
archive is read back and compared once more before anything goes, and the event store lets
nothing go that its own record does not say (eventstore/archives.py).
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from billing.archiving import files
from billing.archiving.files import Row
from billing.archiving.models import UsageArchive
from billing.archiving.writing import read
from billing.metering.events import UsageRecorded
from billing.metering.ingesting.batches import digest_of
from billing.metering.models import Definition, Dimension
from catacloud.accounts.models import Organisation
from eventstore import archives
from eventstore import events as codec

Watch = Callable[[int], object]
"""Told how many events are done."""

# What names an event, and what its first form had besides.
ENVELOPE = ("type", "source", "id", "time", "replaces", "service", "quantity")
NAME = "usage.recorded"
MARK_BYTES = 110  # that the mark of an archived event takes


def drop(organisation: Organisation, *, now: datetime, watch: Watch = lambda done: None) -> int:
    """Drop the payloads of all archives of an organisation; return of how many events.

    Can be killed at any time: run again, it goes on. Raises NotReadBack and ArchiveDiffers.
    """
    done = 0
    waiting = UsageArchive.objects.filter(organisation=organisation, dropped_at=None)
    for number in waiting.values_list("pk", flat=True):
        done += _drop(number, now)
        watch(done)
    return done


def _drop(number: int, now: datetime) -> int:
    with transaction.atomic():
        found = UsageArchive.objects.select_for_update(skip_locked=True)
        noted = found.filter(pk=number, dropped_at=None).first()
        if noted is None:  # another run has it, or had it
            return 0
        payloads = _payloads(noted)
        if payloads.positions:
            noted.record = archives.drop(payloads, by="archive_usage").pk
        noted.dropped_at = now
        noted.save(update_fields=["record", "dropped_at"])
        return len(payloads.positions)


def _worth_dropping(rows: Sequence[Row]) -> list[Row]:
    """Return those events that take less room without what no service reads of them."""
    values: dict[str, Any] = {
        "positions": [row.position for row in rows],
        "data": [row.data for row in rows],
        "keeps": json.dumps(kept_paths()),
        "mark": MARK_BYTES,
    }
    with connection.cursor() as cursor:
        cursor.execute(SMALLER, values)
        smaller = {position for (position,) in cursor}
    return [row for row in rows if row.position in smaller]


def _payloads(noted: UsageArchive) -> archives.Payloads:
    """Return what is to be dropped. Raises NotReadBack."""
    positions, digests, digest = list[int](), list[str](), b""
    for some in files.portions(read(noted)):
        rows = _worth_dropping(some)
        positions += [row.position for row in rows]
        digests += [_digest(row) for row in rows]
        digest = files.link(digest, rows, organisation_id=noted.organisation_id)
    return archives.Payloads(
        tenant_id=noted.organisation_id,
        type=NAME,
        positions=positions,
        digest=digest,
        digests=digests,
        keeps=kept_paths(),
        place=noted.name,
    )


def kept_paths() -> list[list[str]]:
    """Return the paths of events that stay: what names them, and what any definition reads."""
    read = set(Definition.objects.exclude(quantity_path="").values_list("quantity_path", flat=True))
    read |= set(Dimension.objects.values_list("path", flat=True))
    return [[name] for name in ENVELOPE] + [["data", *path.split(".")] for path in sorted(read)]


def _digest(row: Row) -> str:
    """Return the digest that an event is known by; none of a form that is never sent again."""
    if row.schema_version != codec.current_versions()[NAME]:
        return ""
    event = codec.decode(name=row.type, version=row.schema_version, data=row.data)
    if not isinstance(event, UsageRecorded):
        raise TypeError(f"{row.type} at {row.position} is no usage.")
    return digest_of(event)


SMALLER = """
SELECT position FROM unnest(%(positions)s::bigint[], %(data)s::jsonb[]) AS event (position, data)
WHERE pg_column_size(eventstore_kept(data, %(keeps)s::jsonb)) + %(mark)s < pg_column_size(data)
"""
