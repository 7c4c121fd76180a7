"""Add a file from inside the platform, as an upload would."""

from datetime import datetime
from uuid import UUID

from catacloud.accounts.models import Organisation
from uploads import blobs, creating, receiving
from uploads.blobs import Readable
from uploads.file import BYTES_OF_UNKNOWN_TYPE, Kind
from uploads.protocol import Creation


def add(
    *,
    organisation: Organisation,
    name: str,
    content: Readable,
    size: int,
    content_type: str = BYTES_OF_UNKNOWN_TYPE,
    now: datetime,
    actor: str | None = None,
) -> UUID:
    """Store the next ``size`` bytes of ``content`` as a file and return its id.

    Raises Refusal, OverQuota and NamesAreErased.
    """
    asked = Creation(
        kind=Kind.PLAIN,
        length=size,
        metadata="",
        values={"filename": name, "filetype": content_type},
        concat="",
        parts=[],
    )
    upload = creating.create(organisation=organisation, asked=asked, now=now, actor=actor)
    if size:
        turn = receiving.take_over(
            organisation=organisation, upload_id=upload.id, offset=0, now=now, actor=actor
        )
        blob = blobs.receive(content, at_most=size)
        if blob:
            receiving.keep(turn, blob, now=now)
    return upload.id
