"""Compare archives with the events that they are of, whether their payloads were dropped or not."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import connection

from billing.archiving.files import Row, portions
from billing.archiving.models import UsageArchive
from billing.archiving.writing import NotReadBack, read
from billing.metering.recounting.checking import Slice
from billing.periods import month_of

Watch = Callable[[str, int, int], object]
"""Told what is being looked at, how much of it is done, and out of how much."""


def findings(wanted: Slice, *, watch: Watch = lambda what, done, total: None) -> Iterator[str]:
    """Yield a line for every archive of a slice that cannot be read, or has not its events."""
    found = UsageArchive.objects.order_by("organisation", "month", "first_position")
    if wanted.organisation_id is not None:
        found = found.filter(organisation=wanted.organisation_id)
    if wanted.first:
        found = found.filter(month__gte=month_of(wanted.first).first)
    if wanted.end:
        found = found.filter(month__lt=wanted.end)
    total = found.count()
    for done, noted in enumerate(found.iterator()):
        watch("archives", done, total)
        yield from _findings(noted)


def _findings(noted: UsageArchive) -> Iterator[str]:
    try:
        different = [one for some in portions(read(noted)) for one in _different(noted, some)]
    except NotReadBack as error:
        yield f"archives: {error}"
        return
    if different:
        yield (
            f"archives: {noted.name}: {len(different)} events are not as they were archived, the "
            f"first at position {different[0]}."
        )


def _different(noted: UsageArchive, rows: Sequence[Row]) -> list[int]:
    """Return the positions of those events that are not as they were archived, in order."""
    values: dict[str, Any] = {
        "tenant": noted.organisation_id,
        "positions": [row.position for row in rows],
        "data": [row.data for row in rows],
    }
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT, values)
        return [position for (position,) in cursor]


# What is left of an event is compared with what its record leaves of what is archived.
DIFFERENT = """
SELECT at
FROM unnest(%(positions)s::bigint[], %(data)s::jsonb[]) AS archived (at, data)
LEFT JOIN eventstore_storedevent AS event ON event.tenant_id = %(tenant)s AND position = at
LEFT JOIN eventstore_archive AS record ON record.id::text = event.data #>> '{$archived,in}'
WHERE event.data - '$archived' IS DISTINCT FROM
    CASE WHEN record.id IS NULL THEN archived.data
        ELSE eventstore_kept(archived.data, record.keeps) END
ORDER BY at
"""
