"""Write raw usage of closed months to archives, and read each back before it counts as written.

Whatever a kill leaves behind is a file without a line in the manifest, which the next run finds and
uses, for the same events make the same file. Late events of a month that is archived already go to
another file of it.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice

import msgspec
import psycopg
from django.db import connection, transaction
from django.db.models import Max

from billing.archiving import files, shelf
from billing.archiving.files import Encoded, Row
from billing.archiving.models import UsageArchive
from billing.archiving.periods import to_archive
from billing.metering.folding.saga import CONSUMER
from billing.periods import Days
from catacloud.accounts.models import Organisation
from eventstore import archives, store
from eventstore.models import Checkpoint

logger = logging.getLogger(__name__)

EVENTS = 10_000  # of one file

Watch = Callable[[int], object]
"""Told how many events are done."""


class NotReadBack(Exception):
    """What was read back is not what was written, or not what is stored: nothing was noted."""


def archive(
    organisation: Organisation,
    *,
    now: datetime,
    after: timedelta,
    watch: Watch = lambda done: None,
) -> int:
    """Archive what was used in months that have been closed for so long; return how many events.

    Can be killed at any time: run again, it goes on. Raises NotReadBack.
    """
    until = _folded_until(organisation)
    done = 0
    for month in to_archive(organisation, now=now, after=after):
        beyond = _archived_until(organisation, month)
        with closing(_rows(organisation, month, after=beyond, until=until)) as rows:
            while encoded := _encode(organisation, month, islice(rows, EVENTS)):
                if not _write(organisation, month, encoded, beyond=beyond, now=now):
                    break  # another run is at this month
                beyond = encoded.positions[-1]
                done += len(encoded.positions)
                watch(done)
    return done


def _folded_until(organisation: Organisation) -> int:
    """Return up to which position the organisation's events are in the tables."""
    partition = store.partition_of(organisation.pk)
    marks = Checkpoint.objects.filter(consumer=CONSUMER, partition=partition)
    return marks.values_list("position", flat=True).first() or 0


def _archived_until(organisation: Organisation, month: Days) -> int:
    known = UsageArchive.objects.filter(organisation=organisation, month=month.first)
    return known.aggregate(last=Max("last_position"))["last"] or 0


def _rows(
    organisation: Organisation, month: Days, *, after: int, until: int
) -> Generator[Row, None, None]:
    """Stream a month's events from the server, on a connection of its own."""
    values = {
        "tenant": organisation.pk,
        "since": month.starts_at,
        "before": month.ends_at,
        "after": after,
        "until": until,
    }
    with psycopg.connect(**connection.get_connection_params()) as db:
        db.read_only = True
        with db.cursor(name="usage_archive") as cursor:
            yield from map(Row._make, cursor.execute(ROWS, values))


def _encode(organisation: Organisation, month: Days, rows: Iterable[Row]) -> Encoded | None:
    about = {"organisation": str(organisation.pk), "month": month.first.isoformat()}
    return files.encode(rows, organisation_id=organisation.pk, about=about)


def _write(
    organisation: Organisation, month: Days, encoded: Encoded, *, beyond: int, now: datetime
) -> bool:
    """Write an archive, and note it; False where another run has written more of the month."""
    noted = _note(organisation, month, encoded, now)
    shelf.put(noted.name, encoded.content)
    shelf.put(f"{noted.name}.json", _manifest(noted))
    read_back = [row.position for row in read(noted)]
    if archives.content_digest(organisation.pk, read_back).hex() != noted.rows_sha256:
        raise NotReadBack(f"{noted.name} does not have its events as they are stored.")
    with transaction.atomic():
        # Archivers of one organisation queue here, so that the second finds what the first noted.
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
        if _archived_until(organisation, month) != beyond:
            return False
        noted.save()
    logger.info("%s has %d events.", noted.name, noted.event_count)
    return True


def _note(organisation: Organisation, month: Days, encoded: Encoded, now: datetime) -> UsageArchive:
    first, last = encoded.positions[0], encoded.positions[-1]
    sha256 = shelf.sha256(encoded.content)
    folder = f"usage/{organisation.pk}/{month.first:%Y-%m}"
    return UsageArchive(
        organisation=organisation,
        month=month.first,
        name=f"{folder}/{first}-{last}-{sha256[:16]}.parquet",
        first_position=first,
        last_position=last,
        first_at=encoded.first_at,
        last_at=encoded.last_at,
        event_count=len(encoded.positions),
        sha256=sha256,
        size=len(encoded.content),
        rows_sha256=encoded.digest.hex(),
        written_at=now,
    )


def read(noted: UsageArchive) -> Iterator[Row]:
    """Yield the rows of an archive. Raises NotReadBack where it is not what the manifest says.

    That it is the file that was written shows before the first row, that these are its rows after
    the last one.
    """
    try:
        content = shelf.get(noted.name)
        if shelf.sha256(content) != noted.sha256:
            raise NotReadBack(f"{noted.name} is not the file that was written: its digest differs.")
        digest = b""
        for row in files.decode(content):
            digest = files.link(digest, [row], organisation_id=noted.organisation_id)
            yield row
    except (OSError, files.BrokenFile) as error:
        raise NotReadBack(f"{noted.name} cannot be read: {error}") from error
    if digest.hex() != noted.rows_sha256:
        raise NotReadBack(f"{noted.name} has other events than were written.")


def _manifest(noted: UsageArchive) -> bytes:
    """Return the manifest's line as a file beside the archive, for who has no database."""
    line = {
        "organisation": noted.organisation_id,
        "month": noted.month,
        "first_position": noted.first_position,
        "last_position": noted.last_position,
        "first_at": noted.first_at,
        "last_at": noted.last_at,
        "events": noted.event_count,
        "size": noted.size,
        "sha256": noted.sha256,
        "rows_sha256": noted.rows_sha256,
    }
    return msgspec.json.encode(line)


# All of a month in one pass: by its index of time, and then in the order of positions.
ROWS = """
SELECT position, stream_id, version, event_id, type, schema_version, occurred_at, recorded_at,
    data::text, metadata::text
FROM eventstore_storedevent
WHERE tenant_id = %(tenant)s AND type = 'usage.recorded'
    AND occurred_at >= %(since)s AND occurred_at < %(before)s
    AND position > %(after)s AND position <= %(until)s
ORDER BY position
"""
