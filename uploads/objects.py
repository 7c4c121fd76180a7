"""Blobs as objects of a bucket, in any storage that speaks S3. Django-storages connects to it.

An object that is sent in parts bears the time at which its first was begun. So nothing is received
for longer than half a day, and nothing younger than a day is taken for what a crash left behind.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import storages

from uploads.incoming import CHUNK, Blob, Incoming, Readable

LONGEST = timedelta(hours=12)
GRACE = timedelta(days=1)
PART = 8 * 2**20  # bytes held in memory at a time; an object has at most 10,000 parts
# In the thread of the request, whose body and database connection the source uses.
IN_THIS_THREAD = TransferConfig(
    multipart_threshold=PART,
    multipart_chunksize=PART,
    use_threads=False,
    preferred_transfer_client="classic",
)
MOST_AT_ONCE = 1000  # names in one request to delete
FAILURES: tuple[type[Exception], ...] = (Boto3Error, BotoCoreError, ClientError)


def receive(source: Readable, *, at_most: int, seconds: float | None) -> Blob | None:
    longest = LONGEST.total_seconds()
    within = longest if seconds is None else min(seconds, longest)
    incoming = Incoming(source, at_most=at_most, seconds=within)
    if not incoming:
        return None
    blob_id = uuid4()
    _client().upload_fileobj(incoming, _bucket(), _key(blob_id), Config=IN_THIS_THREAD)
    return incoming.blob(blob_id)


def read(blob_id: UUID, *, start: int, size: int) -> Iterator[bytes]:
    if not size:
        return
    wanted = {**_place(_key(blob_id)), "Range": f"bytes={start}-{start + size - 1}"}
    try:
        body = _client().get_object(**wanted)["Body"]
    except ClientError as exc:
        if exc.response["Error"]["Code"] == "NoSuchKey":
            raise FileNotFoundError(wanted["Key"]) from exc
        raise
    with body:
        yield from body.iter_chunks(CHUNK)


def open_whole(blob_id: UUID) -> None:
    return None


def remove(blob_ids: Iterable[UUID]) -> None:
    keys = iter({_key(blob_id) for blob_id in blob_ids})
    while batch := [{"Key": key} for key in islice(keys, MOST_AT_ONCE)]:
        deletion = {"Objects": batch, "Quiet": True}
        answer = _client().delete_objects(Bucket=_bucket(), Delete=deletion)
        errors = [error for error in answer.get("Errors", ()) if error["Code"] != "NoSuchKey"]
        if errors:
            raise OSError(f"{len(errors)} objects could not be deleted, the first: {errors[0]}")


def written_before(moment: datetime) -> Iterator[UUID]:
    """Also give up what a crash left half sent, which is no object yet but takes its space."""
    long_ago = moment - GRACE
    for upload in _listed("list_multipart_uploads", "Uploads"):
        if upload["Initiated"] < long_ago and _id(upload["Key"]):
            place = _place(upload["Key"])
            _client().abort_multipart_upload(**place, UploadId=upload["UploadId"])
    for item in _listed("list_objects_v2", "Contents"):
        blob_id = _id(item["Key"])
        if blob_id and item["LastModified"] < long_ago:
            yield blob_id


def _listed(operation: str, name: str) -> Iterator[dict[str, Any]]:
    pages = _client().get_paginator(operation)
    for page in pages.paginate(Bucket=_bucket(), Prefix=_prefix()):
        yield from page.get(name, ())


def _client() -> Any:
    return storages["blobs"].connection.meta.client  # type: ignore[attr-defined]


def _bucket() -> str:
    name: str = storages["blobs"].bucket_name  # type: ignore[attr-defined]
    return name


def _prefix() -> str:
    folder: str = storages["blobs"].location  # type: ignore[attr-defined]
    return f"{folder}/" if folder else ""


def _key(blob_id: UUID) -> str:
    return _prefix() + blob_id.hex


def _place(key: str) -> dict[str, str]:
    return {"Bucket": _bucket(), "Key": key}


def _id(key: str) -> UUID | None:
    """Return whose object it is; None for those that are not ours, which nobody may remove."""
    name = key.removeprefix(_prefix())
    return UUID(name) if re.fullmatch("[0-9a-f]{32}", name, re.ASCII) else None
