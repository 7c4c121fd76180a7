"""Receive the bytes of an upload, and keep them: on disk first, then in one short transaction.

The offset lives in the row of the upload. A request takes the upload over by raising its epoch;
from then on an earlier request, which may be stalled or only slow, stores nothing more. A long body
is kept segment by segment, and so is one whose client falls silent: little is lost of it when the
process dies, or when the client comes back by another network, and nobody ended the old connection.
"""

import hashlib
import hmac
import time
from datetime import datetime
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catacloud.accounts.models import Organisation
from uploads import blobs, creating, quota, streams
from uploads.blobs import Blob
from uploads.body import Body
from uploads.file import GONE, Kind, NoSuchFile, Status
from uploads.models import Segment, UploadedFile
from uploads.protocol import CHECKSUM_MISMATCH, Checksum, Refusal

SEGMENT = 64 * 2**20  # bytes after which a segment is kept, at least
SHARE = 8  # or a part of what is there already: a large upload has few segments all the same
MOST = 64 * 2**30  # and at most: an object of a store has 10,000 parts, of 8 MiB with us
KEPT_WITHIN = 10.0  # seconds after which a segment is kept in any case
LOOK_EVERY = 1.0  # seconds between two looks whether somebody has taken the upload over


class Outrun(Exception):
    """Another request has taken the upload over, or moved it on; nothing of this one is lost."""

    def __init__(self) -> None:
        super().__init__("The upload is at another offset: ask for it with HEAD, then go on there.")


class Turn(msgspec.Struct):
    """A request's right to store the next bytes, while nobody else takes it."""

    organisation: Organisation
    upload_id: UUID
    epoch: int
    offset: int
    limit: int  # bytes that the upload can have
    actor: str | None

    @property
    def room(self) -> int:
        return self.limit - self.offset


def take_over(
    *,
    organisation: Organisation,
    upload_id: UUID,
    offset: int,
    length: int | None = None,
    brings: int | None = None,
    now: datetime,
    actor: str | None = None,
) -> Turn:
    """Begin to store bytes at ``offset``: as many as the request ``brings``, where that is known.

    Who brings none, and only declares the ``length``, stops nobody. Raises NoSuchFile, Refusal,
    OverQuota, and Outrun where the upload is at another offset.
    """
    with transaction.atomic():
        upload = locked(organisation, upload_id)
        if upload.kind == Kind.FINAL:
            raise Refusal(403, "A final upload consists of its parts and takes no bytes.")
        if upload.offset != offset:
            raise Outrun
        _declare(upload, length)
        turn = Turn(organisation, upload_id, upload.epoch, offset, _limit(upload), actor)
        if brings:
            _check_room(turn, brings)
        if brings != 0:
            turn.epoch = upload.epoch = upload.epoch + 1
        upload.save(update_fields=["epoch", "length"])
        if upload.status == Status.OPEN and upload.length == offset:
            creating.complete(upload, now=now, actor=actor)
    _finish_files(upload, now)
    return turn


def locked(organisation: Organisation, upload_id: UUID) -> UploadedFile:
    """Return the row of an upload that is not gone, locked. Raises NoSuchFile."""
    rows = UploadedFile.objects.select_for_update().filter(pk=(organisation.id, upload_id))
    row = rows.first()
    if row is None or row.status in GONE:
        raise NoSuchFile("There is no such upload.")
    return row


def receive(turn: Turn, body: Body, *, checksum: Checksum | None = None) -> None:
    """Keep what the body brings, up to the upload's length.

    With a checksum all of it is kept at once, if it fits. Raises Refusal, Outrun, NoSuchFile and
    OverQuota: what was kept before that stays, and the offset says so.
    """
    if checksum:
        _receive_checked(turn, body, checksum)
    else:
        _receive_in_segments(turn, body)
    if not turn.room and body.read(1):
        raise _too_much(turn)


def _receive_in_segments(turn: Turn, body: Body) -> None:
    source, body.pauses = _Watched(turn, body), True
    while turn.room and not body.ended:
        most = min(max(SEGMENT, turn.offset // SHARE), MOST, turn.room)
        blob = blobs.receive(source, at_most=most, seconds=KEPT_WITHIN)
        if blob:
            keep(turn, blob, now=timezone.now())


def _receive_checked(turn: Turn, body: Body, checksum: Checksum) -> None:
    source = _Hashed(_Watched(turn, body), checksum.algorithm)
    blob = blobs.receive(source, at_most=turn.room) if turn.room else None
    fits = body.complete and hmac.compare_digest(source.digest(), checksum.digest)
    if not fits and blob:
        blobs.remove([blob.id])
    if not body.complete:
        raise Refusal(503, "The body broke off, so its checksum cannot be verified: send it again.")
    if not fits:
        raise Refusal(CHECKSUM_MISMATCH, "The bytes do not have the checksum: send them again.")
    if blob:
        keep(turn, blob, now=timezone.now())


def keep(turn: Turn, blob: Blob, *, now: datetime) -> None:
    """Let bytes that are on disk count. Raises Outrun, NoSuchFile and OverQuota, and removes them.

    Only these say for sure that no row names the bytes. After a connection that broke at the commit
    nobody knows: they are left to the collection.
    """
    try:
        with transaction.atomic():
            upload = _keep(turn, blob, now)
    except (Outrun, NoSuchFile, quota.OverQuota):
        blobs.remove([blob.id])
        raise
    turn.offset += blob.size
    _finish_files(upload, now)


def _keep(turn: Turn, blob: Blob, now: datetime) -> UploadedFile:
    upload = locked(turn.organisation, turn.upload_id)
    if (upload.epoch, upload.offset) != (turn.epoch, turn.offset):
        raise Outrun
    Segment.objects.create(
        organisation=turn.organisation,
        id=blob.id,
        upload_id=upload.id,
        start=turn.offset,
        size=blob.size,
        sha256=blob.sha256,
    )
    streams.execute(
        turn.organisation,
        upload.id,
        lambda file: file.store(
            start=turn.offset, size=blob.size, sha256=blob.sha256, segment=blob.id, now=now
        ),
        turn.actor,
    )
    upload.offset += blob.size
    upload.expires_at = creating.expires_at(now)
    upload.save(update_fields=["offset", "expires_at"])
    if upload.offset == upload.length:
        creating.complete(upload, now=now, actor=turn.actor)
    quota.add(turn.organisation, blob.size)
    return upload


def _finish_files(upload: UploadedFile, now: datetime) -> None:
    """Complete the files that waited for this part, after its own transaction.

    Whoever completes a file holds the rows of all its parts, in their order: a part that holds its
    own already must not.
    """
    if upload.kind == Kind.PARTIAL and upload.status == Status.COMPLETE:
        creating.finish_waiting(organisation=upload.organisation, part=upload.id, now=now)


def _limit(upload: UploadedFile) -> int:
    limit: int = settings.MAX_UPLOAD_BYTES
    return limit if upload.length is None else upload.length


def _check_room(turn: Turn, size: int) -> None:
    """Refuse what would not fit before it is sent. Raises Refusal and OverQuota."""
    if size > turn.room:
        raise _too_much(turn)
    quota.check(turn.organisation, size)


def _too_much(turn: Turn) -> Refusal:
    return Refusal(413, f"The upload has at most {turn.limit} bytes, and more came.")


def _declare(upload: UploadedFile, length: int | None) -> None:
    """Set the length, which is known from then on. Raises Refusal."""
    if length is None or length == upload.length:
        return
    if upload.length is not None:
        raise Refusal(400, f"The upload's length is {upload.length} bytes and stays that.")
    if length < upload.offset:
        raise Refusal(400, f"The upload has {upload.offset} bytes already, more than its length.")
    creating.check_size(length)
    upload.length = length


class _Watched:
    """A body that ends with Outrun once another request has taken the upload over, or ended it."""

    def __init__(self, turn: Turn, body: Body) -> None:
        self._turn, self._body = turn, body
        self._looked = time.monotonic()
        body.on_silence = self._look

    def read(self, size: int, /) -> bytes:
        data = self._body.read(size)
        if time.monotonic() - self._looked > LOOK_EVERY:
            self._look()
        return data

    def _look(self) -> None:
        self._looked = time.monotonic()
        own = UploadedFile.objects.filter(
            pk=(self._turn.organisation.id, self._turn.upload_id), epoch=self._turn.epoch
        )
        if not own.exclude(status__in=GONE).exists():
            raise Outrun


class _Hashed:
    """A source that knows the digest of what was read from it."""

    def __init__(self, source: _Watched, algorithm: str) -> None:
        self._source, self._hash = source, hashlib.new(algorithm, usedforsecurity=False)

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> bytes:
        return self._hash.digest()
