"""A complete file as a download: whole or a range of it, straight from its segments."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

from django.db import connection
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from catacloud.problems import Problem
from uploads import blobs
from uploads.models import UploadedFile

RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})", re.ASCII)
# What a browser may show by itself: nothing of it can run a script in our pages' name.
SHOWN: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "application/pdf"}
)
Extent = tuple[UUID, int, str]  # of a segment: its blob, its size in bytes, its sha256


def response(request: HttpRequest, file: UploadedFile) -> HttpResponseBase:
    """Return the file's bytes, or those that a Range asks for. Raises Problem."""
    extents = _extents(file)
    size, etag = file.size or 0, _etag(extents)
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        if unchanged.status_code == 412:
            raise Problem(412, "The file is another one than the request wants.")
        unchanged["ETag"] = etag
        return unchanged
    headers = _headers(file, etag)
    wanted = _range(request, size, etag)
    if wanted is None:
        return _whole(extents, size, file.content_type, headers)
    first, last = wanted
    if first > last:
        raise Problem(
            416,
            f"The file has {size} bytes, and the range is behind them.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last - first + 1)
    return StreamingHttpResponse(
        _read(extents, first, last + 1),
        status=206,
        content_type=file.content_type,
        headers=headers,
    )


def _whole(
    extents: Sequence[Extent], size: int, content_type: str, headers: dict[str, str]
) -> HttpResponseBase:
    headers["Content-Length"] = str(size)
    file = blobs.open_whole(extents[0][0]) if len(extents) == 1 else None
    if file:  # which the server sends by itself
        response = FileResponse(file, content_type=content_type)
        for name, value in headers.items():  # in place of its own: it would name the blob
            response[name] = value
        return response
    return StreamingHttpResponse(
        _read(extents, 0, size), content_type=content_type, headers=headers
    )


def _extents(file: UploadedFile) -> list[Extent]:
    """Return the file's segments, in order."""
    with connection.cursor() as cursor:
        cursor.execute(EXTENTS, {"organisation": file.organisation_id, "file": file.id})
        return list(cursor.fetchall())


def _read(extents: Iterable[Extent], first: int, end: int) -> Iterator[bytes]:
    """Return the bytes from ``first`` up to ``end``, which is no more one of them."""
    at = 0
    for blob, size, _ in extents:
        start, stop = max(first - at, 0), min(end - at, size)
        if start < stop:
            yield from blobs.read(blob, start=start, size=stop - start)
        at += size


def _range(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """Return first and last byte that are asked for; the first is the higher where there are none.

    None for the whole file: so are several ranges answered, as a server may.
    """
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or asked.group() == "bytes=-":
        return None
    if request.headers.get("If-Range", etag) != etag:
        return None
    first, last = asked.groups()
    if not first:
        return max(size - int(last), 0), size - 1
    if last and int(last) < int(first):  # no range at all
        return None
    return int(first), min(int(last), size - 1) if last else size - 1


def _headers(file: UploadedFile, etag: str) -> dict[str, str]:
    kind = file.content_type.partition(";")[0].lower()
    return {
        "Content-Disposition": content_disposition_header(kind not in SHOWN, file.name) or "inline",
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def _etag(extents: Iterable[Extent]) -> str:
    """Return an entity tag: the digest of the segments' digests, since the whole has none."""
    said = hashlib.sha256()
    for _, size, sha256 in extents:
        said.update(f"{size} {sha256}\n".encode())
    return f'"{said.hexdigest()}"'


EXTENTS = """
SELECT segment.id, segment.size, segment.sha256 FROM (
    SELECT 0 AS number, %(file)s::uuid AS part_id
    UNION ALL
    SELECT number, part_id FROM uploads_filepart
    WHERE organisation_id = %(organisation)s AND file_id = %(file)s
) AS line JOIN uploads_segment AS segment
    ON segment.organisation_id = %(organisation)s AND segment.upload_id = line.part_id
ORDER BY line.number, segment.start
"""
