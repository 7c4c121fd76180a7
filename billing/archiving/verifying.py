"""Compare archives with the events that they are of, whether their payloads were dropped or not."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

from billing.archiving.models import UsageArchive
from billing.archiving.writing import NotReadBack, read
from billing.metering.checking import Slice
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
        rows = read(noted)
    except NotReadBack as error:
        yield f"archives: {error}"
        return
    values: dict[str, Any] = {
        "tenant": noted.organisation_id,
        "positions": [row.position for row in rows],
        "data": [row.data for row in rows],
    }
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT, values)
        [count, first] = cursor.fetchone()
    if count:
        yield (
            f"archives: {noted.name}: {count} events are not as they were archived, the first at "
            f"position {first}."
        )


# What is left of an event is compared with what its record leaves of what is archived.
DIFFERENT = """
SELECT count(*), min(at)
FROM unnest(%(positions)s::bigint[], %(data)s::jsonb[]) AS archived (at, data)
LEFT JOIN eventstore_storedevent AS event ON event.tenant_id = %(tenant)s AND position = at
LEFT JOIN eventstore_archive AS record ON record.id::text = event.data #>> '{$archived,in}'
WHERE event.data - '$archived' IS DISTINCT FROM
    CASE WHEN record.id IS NULL THEN archived.data
        ELSE eventstore_kept(archived.data, record.keeps) END
"""
