"""Payloads of archived events of which more is read than is kept: a service came later."""

import json
from collections.abc import Iterator, Sequence
from uuid import UUID

from django.db import connection

from billing.archiving import files
from billing.archiving.dropping import kept_paths
from billing.archiving.files import Row
from billing.archiving.models import UsageArchive
from billing.archiving.writing import read
from eventstore.models import Archive


def not_kept() -> Iterator[tuple[UUID, int, str]]:
    """Yield organisation, position and data, as JSON, of such events, from their archives.

    Of the data it is what services read, now or when it was archived, and no more: the rest was
    dropped to be gone, and whoever erases it from the archives has erased it. Raises NotReadBack.

    There are none unless a service counts, by its first definition, what happened before it.
    """
    wanted = {tuple(path) for path in kept_paths()}
    keeps = dict(Archive.objects.values_list("pk", "keeps"))
    for noted in UsageArchive.objects.exclude(record=None).iterator():
        kept = {tuple(path) for path in keeps[noted.record or 0]}
        if wanted - kept:
            for rows in files.portions(read(noted)):
                for position, data in _cut(rows, sorted(wanted | kept)):
                    yield noted.organisation_id, position, data


def _cut(rows: Sequence[Row], paths: Sequence[tuple[str, ...]]) -> list[tuple[int, str]]:
    """Return positions and data, with what is at the paths alone."""
    columns = [row.position for row in rows], [row.data for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(CUT, [json.dumps(paths), *columns])
        cut: list[tuple[int, str]] = cursor.fetchall()
        return cut


CUT = """
SELECT position, eventstore_kept(data, %s::jsonb)::text
FROM unnest(%s::bigint[], %s::jsonb[]) AS event (position, data)
"""
