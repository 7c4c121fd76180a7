"""The endpoints of tus 1.0.0: creation at /files/<organisation>/, the upload at its own address."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from catacloud.problems import DETAILS, Problem
from uploads import creating, downloads, ending, protocol, receiving
from uploads.body import Body
from uploads.callers import Caller, caller
from uploads.file import GONE, Kind, NoSuchFile, Status
from uploads.models import UploadedFile
from uploads.protocol import Checksum, Creation
from uploads.refusals import REFUSED, as_problem, refusals_as_problems


@csrf_exempt  # callers.py checks the token of a signed-in person; programs have none
@refusals_as_problems
def uploads(request: HttpRequest, slug: str) -> HttpResponseBase:
    """What can be done where uploads are created."""
    return _answer({"POST": create, "OPTIONS": options}, request, slug)


@csrf_exempt
@refusals_as_problems
def upload(request: HttpRequest, slug: str, upload_id: str) -> HttpResponseBase:
    """What can be done with an upload, and with the file that it became."""
    endpoints: dict[str, Callable[..., HttpResponseBase]] = {
        "HEAD": head,
        "PATCH": patch,
        "DELETE": delete,
        "GET": download,
        "OPTIONS": options,
    }
    return _answer(endpoints, request, slug, _uuid(upload_id))


@csrf_exempt
@refusals_as_problems
def nowhere(request: HttpRequest, **_: str) -> HttpResponseBase:
    raise Http404


def _answer(
    endpoints: Mapping[str, Callable[..., HttpResponseBase]], request: HttpRequest, *args: Any
) -> HttpResponseBase:
    method = protocol.method_of(request.method or "", request.headers)
    if method not in endpoints:
        raise Problem(405, DETAILS[405], headers={"Allow": ", ".join(endpoints)})
    return endpoints[method](request, *args)


def options(request: HttpRequest, slug: str, *_: object) -> HttpResponse:
    """Say what this server can do. 200, for old browsers want that of a preflight."""
    return HttpResponse(
        headers={
            "Tus-Version": protocol.VERSION,
            "Tus-Extension": ",".join(protocol.EXTENSIONS),
            "Tus-Max-Size": str(settings.MAX_UPLOAD_BYTES),
            "Tus-Checksum-Algorithm": ",".join(protocol.ALGORITHMS),
        }
    )


def create(request: HttpRequest, slug: str) -> HttpResponse:
    protocol.check_version(request.headers)
    who, now = caller(request, slug), timezone.now()
    asked = protocol.creation(request.headers)
    if asked.kind is Kind.FINAL:
        return _created(request, slug, _create_final(request, who, asked, now))
    if not protocol.has_bytes(request.headers):
        new = creating.create(organisation=who.organisation, asked=asked, actor=who.actor, now=now)
        return _created(request, slug, new)
    with Body(request) as body:
        return _create_with_bytes(request, slug, who, asked, body, now)


def _create_with_bytes(
    request: HttpRequest, slug: str, who: Caller, asked: Creation, body: Body, now: datetime
) -> HttpResponse:
    checksum = protocol.checksum(request.headers)
    if asked.length is not None and (body.length or 0) > asked.length:
        raise protocol.Refusal(413, f"The body is longer than the {asked.length} bytes announced.")
    new = creating.create(organisation=who.organisation, asked=asked, actor=who.actor, now=now)
    try:
        offset = _receive(who, new.id, 0, body, checksum=checksum)
    except REFUSED as error:  # the upload stands all the same, and can be gone on with
        problem = as_problem(error)
        problem.headers["Location"] = _location(request, slug, new.id)
        raise problem from error
    response = _created(request, slug, _find(who, new.id))
    response["Upload-Offset"] = str(offset)
    return response


def head(request: HttpRequest, slug: str, upload_id: UUID) -> HttpResponse:
    """Say how far the upload is. It reads one row and waits for nobody."""
    upload = _find(caller(request, slug), upload_id)
    headers = {"Cache-Control": "no-store"}
    if upload.kind != Kind.FINAL or upload.status == Status.COMPLETE:
        headers["Upload-Offset"] = str(upload.offset)
    if upload.length is not None:
        headers["Upload-Length"] = str(upload.length)
    elif upload.kind != Kind.FINAL:
        headers["Upload-Defer-Length"] = "1"
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    if upload.concat:
        headers["Upload-Concat"] = upload.concat
    return HttpResponse(headers=headers | _expiry(upload))


def download(request: HttpRequest, slug: str, upload_id: UUID) -> HttpResponseBase:
    file = _find(caller(request, slug), upload_id)
    if file.status != Status.COMPLETE or file.kind == Kind.PARTIAL:
        raise Problem(409, "The file is not complete yet.")
    return downloads.response(request, file)


def patch(request: HttpRequest, slug: str, upload_id: UUID) -> HttpResponse:
    protocol.check_version(request.headers)
    who = caller(request, slug)
    _find(who, upload_id)
    protocol.check_content_type(request.headers)
    offset = protocol.offset(request.headers)
    length = protocol.declared_length(request.headers)
    checksum = protocol.checksum(request.headers)
    with Body(request) as body:
        offset = _receive(who, upload_id, offset, body, length=length, checksum=checksum)
    upload = _find(who, upload_id)
    return HttpResponse(status=204, headers={"Upload-Offset": str(offset)} | _expiry(upload))


def delete(request: HttpRequest, slug: str, upload_id: UUID) -> HttpResponse:
    """Delete an upload or a file.

    A client that deletes parts and file at once is not told that a part went with its file.
    """
    protocol.check_version(request.headers)
    who = caller(request, slug)
    try:
        _find(who, upload_id)
        ending.delete(
            organisation=who.organisation, upload_id=upload_id, now=timezone.now(), actor=who.actor
        )
    except (Problem, NoSuchFile):
        parts = UploadedFile.objects.filter(kind=Kind.PARTIAL, status=Status.DELETED)
        if not parts.filter(pk=(who.organisation.id, upload_id)).exists():
            raise
    return HttpResponse(status=204)


def _receive(
    who: Caller,
    upload_id: UUID,
    offset: int,
    body: Body,
    *,
    length: int | None = None,
    checksum: Checksum | None,
) -> int:
    """Store what the body brings, and return the offset after it."""
    turn = receiving.take_over(
        organisation=who.organisation,
        upload_id=upload_id,
        offset=offset,
        length=length,
        brings=body.length,
        now=timezone.now(),
        actor=who.actor,
    )
    receiving.receive(turn, body, checksum=checksum)
    if not body.complete:
        # 503, since the clients that are there try again after one, and not after 4xx.
        raise Problem(
            503,
            "The body broke off. What had arrived is kept: ask for the offset with HEAD.",
            headers={"Upload-Offset": str(turn.offset)},
        )
    return turn.offset


def _create_final(
    request: HttpRequest, who: Caller, asked: Creation, now: datetime
) -> UploadedFile:
    if protocol.has_bytes(request.headers):
        raise protocol.Refusal(403, "A final upload consists of its parts and takes no bytes.")
    limit = settings.MAX_CONCAT_PARTS
    if len(asked.parts) > limit:
        raise protocol.Refusal(400, f"A final upload has at most {limit} parts.")
    parts = [_part(request, who, address) for address in asked.parts]
    return creating.create_final(
        organisation=who.organisation, asked=asked, parts=parts, actor=who.actor, now=now
    )


def _part(request: HttpRequest, who: Caller, address: str) -> UUID:
    """Return the id of the upload at an address. Raises Http404 where it cannot be one of ours."""
    host, path = protocol.place_of(address)
    if host not in ("", request.get_host()):
        raise Http404
    folder, _, upload_id = path.rpartition("/")
    if folder not in ("", reverse("uploads", args=[who.organisation.slug]).rstrip("/")):
        raise Http404
    return _uuid(upload_id)


def _find(who: Caller, upload_id: UUID) -> UploadedFile:
    """Return the upload. Raises Http404, and Problem 410 where it is gone."""
    rows = UploadedFile.objects.filter(pk=(who.organisation.id, upload_id))
    upload = rows.first()
    if upload is None:
        raise Http404
    if upload.status in GONE:
        raise Problem(410, f"The upload was {upload.status}.")
    return upload


def _created(request: HttpRequest, slug: str, upload: UploadedFile) -> HttpResponse:
    headers = {"Location": _location(request, slug, upload.id)}
    return HttpResponse(status=201, headers=headers | _expiry(upload))


def _location(request: HttpRequest, slug: str, upload_id: UUID) -> str:
    return request.build_absolute_uri(reverse("upload", args=[slug, upload_id]))


def _expiry(upload: UploadedFile) -> dict[str, str]:
    if upload.expires_at is None:
        return {}
    return {"Upload-Expires": http_date(upload.expires_at.timestamp())}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error
