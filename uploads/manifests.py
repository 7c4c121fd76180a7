"""The parts of a file that is made of partial uploads, and which of them other files have too.

Bytes that several files share count once. Who changes what is shared holds the rows of the parts,
so that two files cannot both be the first, or the last, of one.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from catacloud.accounts.models import Organisation
from uploads.models import FilePart, UploadedFile


def write(final: UploadedFile, parts: Sequence[UUID]) -> None:
    FilePart.objects.bulk_create(
        FilePart(organisation=final.organisation, file_id=final.id, number=number, part_id=part)
        for number, part in enumerate(parts, 1)
    )


def parts_of(organisation: Organisation, final_id: UUID) -> list[UUID]:
    """Return the ids of the parts, in order; one may come twice."""
    lines = FilePart.objects.filter(organisation=organisation, file_id=final_id)
    return list(lines.order_by("number").values_list("part_id", flat=True))


def lock(organisation: Organisation, ids: Sequence[UUID]) -> dict[UUID, UploadedFile]:
    """Lock rows in the order of their ids, as everybody does who locks several."""
    rows = UploadedFile.objects.select_for_update().filter(organisation=organisation, id__in=ids)
    return {row.id: row for row in rows.order_by("id")}


def unshared(final: UploadedFile) -> dict[UUID, int]:
    """Return the parts that no other complete file has, and their sizes in bytes."""
    with connection.cursor() as cursor:
        cursor.execute(UNSHARED, {"organisation": final.organisation_id, "file": final.id})
        return dict(cursor.fetchall())


def is_part_of_a_file(upload: UploadedFile) -> bool:
    """Say if a complete file has the bytes of a partial upload."""
    with connection.cursor() as cursor:
        cursor.execute(IN_A_FILE, {"organisation": upload.organisation_id, "part": upload.id})
        return cursor.fetchone() is not None


UNSHARED = """
SELECT part.id, part."offset" FROM uploads_uploadedfile AS part
WHERE part.organisation_id = %(organisation)s AND part.id IN (
    SELECT part_id FROM uploads_filepart
    WHERE organisation_id = %(organisation)s AND file_id = %(file)s
) AND NOT EXISTS (
    SELECT FROM uploads_filepart AS line JOIN uploads_uploadedfile AS file
        ON file.organisation_id = line.organisation_id AND file.id = line.file_id
    WHERE line.organisation_id = part.organisation_id AND line.part_id = part.id
        AND line.file_id <> %(file)s AND file.status = 'complete'
)
"""
IN_A_FILE = """
SELECT 1 FROM uploads_filepart AS line JOIN uploads_uploadedfile AS file
    ON file.organisation_id = line.organisation_id AND file.id = line.file_id
WHERE line.organisation_id = %(organisation)s AND line.part_id = %(part)s
    AND file.status = 'complete'
LIMIT 1
"""
