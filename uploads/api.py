"""Files over plain HTTP: start, put parts in any order and in parallel, complete, download."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from ninja import Field, Query, Router, Schema, Status

from catacloud.accounts.api_keys import KeyRequest
from catacloud.accounts.models import ApiKey, Organisation
from catacloud.problems import Problem
from uploads import blobs, commands
from uploads.blobs import ShortRead
from uploads.file import File, FileRefusal, Invalid, NoSuchFile
from uploads.models import UploadedFile, find

P = ParamSpec("P")
R = TypeVar("R")
router = Router()

Slug = Annotated[
    str | None,
    Query(
        pattern="^[-a-zA-Z0-9_]+$",
        description="The organisation: a platform key has to name it, others need not.",
    ),
]


class NewFile(Schema):
    name: str
    content_type: str = "application/octet-stream"


class Expected(Schema):
    """What the client believes to have put; it is compared, where it is given."""

    parts: Annotated[int | None, Field(description="How many parts there are.")] = None
    size: Annotated[int | None, Field(description="Bytes of all parts together.")] = None


class FileOut(Schema):
    id: UUID
    name: str
    content_type: str
    status: str
    size: Annotated[int | None, Field(description="Bytes; null until the file is complete.")]
    started_at: datetime
    completed_at: datetime | None
    links: dict[str, str]

    @staticmethod
    def resolve_links(file: UploadedFile) -> dict[str, str]:
        address = _address(file.id)
        return {
            "self": address,
            "part": f"{address}/parts/{{number}}",
            "complete": f"{address}/complete",
            "content": f"{address}/content",
        }


class PartOut(Schema):
    number: int
    size: int
    sha256: str


class Page(Schema):
    items: list[FileOut]
    next: Annotated[str | None, Field(description="Address of the next page; null at the end.")]


def refusals(endpoint: Callable[P, R]) -> Callable[P, R]:
    """Answer what a file refuses with the right status and the file's own sentence."""

    @wraps(endpoint)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return endpoint(*args, **kwargs)
        except NoSuchFile as refusal:
            raise Http404 from refusal
        except (Invalid, ShortRead) as refusal:
            raise Problem(400, str(refusal)) from refusal
        except FileRefusal as refusal:
            raise Problem(409, str(refusal)) from refusal

    return guarded


@router.post("/files", response={201: FileOut})
@refusals
def start(
    request: KeyRequest, response: HttpResponse, new: NewFile, organisation: Slug = None
) -> Status[UploadedFile]:
    """Start a file. Put its parts next, then complete it."""
    owner = _organisation(request.auth, organisation)
    file_id = commands.start_file(
        organisation=owner,
        name=new.name,
        content_type=new.content_type,
        now=timezone.now(),
        actor=_actor(request),
    )
    response["Location"] = _address(file_id)
    return Status(201, _file(owner, file_id))


@router.get("/files", response=Page)
def list_files(
    request: KeyRequest,
    organisation: Slug = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[UUID | None, Query(description="The last file of the page before.")] = None,
) -> dict[str, Any]:
    """List the files that are not deleted, the newest first."""
    owner = _organisation(request.auth, organisation)
    files = UploadedFile.objects.of(owner)
    if after is not None:
        files = files.older_than(get_object_or_404(UploadedFile, pk=(owner.id, after)))
    items = list(files[: limit + 1])
    if len(items) <= limit:
        return {"items": items, "next": None}
    query = request.GET.copy()
    query["after"] = str(items[limit - 1].id)
    return {"items": items[:limit], "next": f"{request.path}?{query.urlencode()}"}


@router.get("/files/{file_id}", response=FileOut, url_name="file")
def show(request: KeyRequest, file_id: str, organisation: Slug = None) -> UploadedFile:
    """Show a file."""
    return _file(_organisation(request.auth, organisation), _uuid(file_id))


@router.delete("/files/{file_id}", response={204: None})
@refusals
def delete(request: KeyRequest, file_id: str, organisation: Slug = None) -> Status[None]:
    """Delete a file, complete or not. To delete it again is no error."""
    commands.delete_file(
        organisation=_organisation(request.auth, organisation),
        file_id=_uuid(file_id),
        now=timezone.now(),
        actor=_actor(request),
    )
    return Status(204, None)


@router.put("/files/{file_id}/parts/{number}", response=PartOut)
@refusals
def put_part(
    request: KeyRequest, file_id: str, number: int, organisation: Slug = None
) -> dict[str, Any]:
    """Put a part: the body is its bytes. The last content that is put under a number counts."""
    part = commands.store_part(
        organisation=_organisation(request.auth, organisation),
        file_id=_uuid(file_id),
        number=number,
        content=request,
        length=_content_length(request),
        now=timezone.now(),
        actor=_actor(request),
    )
    return {"number": number, "size": part.size, "sha256": part.sha256}


@router.post("/files/{file_id}/complete", response=FileOut)
@refusals
def complete(
    request: KeyRequest,
    file_id: str,
    expected: Expected | None = None,
    organisation: Slug = None,
) -> UploadedFile:
    """Make one file of the parts 1 to n. To complete it again is no error."""
    owner, known = _organisation(request.auth, organisation), expected or Expected()
    commands.complete_file(
        organisation=owner,
        file_id=_uuid(file_id),
        parts=known.parts,
        size=known.size,
        now=timezone.now(),
        actor=_actor(request),
    )
    return _file(owner, _uuid(file_id))


@router.get("/files/{file_id}/content")
@refusals
def download(request: KeyRequest, file_id: str, organisation: Slug = None) -> HttpResponseBase:
    """Download a complete file."""
    owner = _organisation(request.auth, organisation)
    _file(owner, _uuid(file_id))
    file = commands.load_file(organisation=owner, file_id=_uuid(file_id))
    return content_response(request, file)


def content_response(request: HttpRequest, file: File) -> HttpResponseBase:
    """Return the file's bytes as a download that no browser shows or guesses the type of."""
    etag = _etag(part.sha256 for _, part in sorted(file.parts.items()))
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        return unchanged
    headers = {
        "Content-Length": str(file.size),
        "Content-Disposition": content_disposition_header(True, file.name) or "attachment",
        "ETag": etag,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }
    return StreamingHttpResponse(
        blobs.read(file.blobs), content_type=file.content_type, headers=headers
    )


def _organisation(key: ApiKey, slug: str | None) -> Organisation:
    """Return the organisation that the key acts for. Raises Http404 for any other."""
    if key.organisation is None:
        if slug is None:
            raise Problem(400, "A platform key names the organisation: ?organisation=slug.")
        return get_object_or_404(Organisation, slug=slug)
    if slug not in (None, key.organisation.slug):
        raise Http404
    return key.organisation


def _uuid(file_id: str) -> UUID:
    try:
        return UUID(file_id)
    except ValueError as error:
        raise Http404 from error


def _file(organisation: Organisation, file_id: UUID) -> UploadedFile:
    file = find(organisation, file_id)
    if file is None:
        raise Http404
    return file


def _content_length(request: HttpRequest) -> int:
    """Return the announced bytes. Raises Problem 411 without any, 413 for too many."""
    given = request.META.get("CONTENT_LENGTH", "")
    if not given.isdecimal():
        raise Problem(411, "Say how many bytes the part has, in a Content-Length header.")
    limit = settings.MAX_PART_BYTES
    if int(given) > limit:
        raise Problem(413, f"A part has at most {limit} bytes.", max_bytes=limit)
    return int(given)


def _etag(digests: Iterable[str]) -> str:
    """Return an entity tag: the digest of the parts' digests, since the whole has none."""
    return f'"{hashlib.sha256("".join(digests).encode()).hexdigest()}"'


def _address(file_id: UUID) -> str:
    return reverse("api-1:file", kwargs={"file_id": file_id})


def _actor(request: KeyRequest) -> str:
    return f"api-key:{request.auth.prefix}"
