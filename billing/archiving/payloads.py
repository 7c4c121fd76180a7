"""Payloads of archived events of which more is read than is kept: a service came later."""

from collections.abc import Iterator
from uuid import UUID

from billing.archiving.dropping import kept_paths
from billing.archiving.models import UsageArchive
from billing.archiving.writing import read
from eventstore.models import Archive


def not_kept() -> Iterator[tuple[UUID, int, str]]:
    """Yield organisation, position and data, as JSON, of such events, from their archives.

    Raises NotReadBack.

    There are none unless a service counts, by its first definition, what happened before it.
    """
    wanted = {tuple(path) for path in kept_paths()}
    keeps = dict(Archive.objects.values_list("pk", "keeps"))
    for noted in UsageArchive.objects.exclude(record=None).iterator():
        if wanted - {tuple(path) for path in keeps[noted.record or 0]}:
            for row in read(noted):
                yield noted.organisation_id, row.position, row.data
