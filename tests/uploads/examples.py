from datetime import UTC, datetime, timedelta
from io import BytesIO

from uploads import blobs, creating, files, receiving
from uploads.file import Kind
from uploads.models import UploadedFile
from uploads.protocol import Creation

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def add(organisation, content: bytes, *, name="file.bin", now=NOON, **more):
    """Add a file and return its id."""
    return files.add(
        organisation=organisation,
        name=name,
        content=BytesIO(content),
        size=len(content),
        now=now,
        **more,
    )


def creation(kind=Kind.PLAIN, length=None, concat="", metadata=""):
    return Creation(kind=kind, length=length, metadata=metadata, values={}, concat=concat, parts=[])


def begin(organisation, *, kind=Kind.PLAIN, length=None):
    asked = creation(kind, length)
    return creating.create(organisation=organisation, asked=asked, now=NOON).id


def put(organisation, upload_id, content, *, length=None):
    upload = UploadedFile.objects.get(id=upload_id)
    turn = receiving.take_over(
        organisation=organisation,
        upload_id=upload_id,
        offset=upload.offset,
        length=length,
        brings=len(content),
        now=NOON,
    )
    blob = blobs.receive(BytesIO(content), at_most=len(content))
    if blob:
        receiving.keep(turn, blob, now=NOON)


def partial(organisation, content):
    part = begin(organisation, kind=Kind.PARTIAL, length=len(content))
    put(organisation, part, content)
    return part


def final(organisation, *parts, metadata=""):
    return creating.create_final(
        organisation=organisation,
        asked=creation(Kind.FINAL, concat="final;…", metadata=metadata),
        parts=parts,
        now=NOON,
    ).id
