"""An organisation's files, for programs: the list, and what there is to know of one.

Bytes come and go by tus, at the address under ``links.content``.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import Field, Query, Router, Schema

from catacloud.accounts.api_keys import KeyRequest
from catacloud.accounts.models import ApiKey, Organisation
from catacloud.problems import Problem
from uploads.models import UploadedFile, find

router = Router()

Slug = Annotated[
    str | None,
    Query(
        pattern="^[-a-zA-Z0-9_]+$",
        description="The organisation: a platform key has to name it, others need not.",
    ),
]


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
        return {
            "self": reverse("api-1:file", kwargs={"file_id": file.id}),
            "content": reverse("upload", args=[file.organisation.slug, file.id]),
        }


class Page(Schema):
    items: list[FileOut]
    next: Annotated[str | None, Field(description="Address of the next page; null at the end.")]


@router.get("/files", response=Page, summary="List files")
def list_files(
    request: KeyRequest,
    organisation: Slug = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[UUID | None, Query(description="The last file of the page before.")] = None,
) -> dict[str, Any]:
    """List the files that are not deleted, the newest first."""
    owner = _organisation(request.auth, organisation)
    files = UploadedFile.objects.of(owner).select_related("organisation")
    if after is not None:
        files = files.older_than(get_object_or_404(UploadedFile, pk=(owner.id, after)))
    items = list(files[: limit + 1])
    if len(items) <= limit:
        return {"items": items, "next": None}
    query = request.GET.copy()
    query["after"] = str(items[limit - 1].id)
    return {"items": items[:limit], "next": f"{request.path}?{query.urlencode()}"}


@router.get("/files/{file_id}", response=FileOut, url_name="file", summary="Show a file")
def show(request: KeyRequest, file_id: str, organisation: Slug = None) -> UploadedFile:
    """Show a file."""
    file = find(_organisation(request.auth, organisation), _uuid(file_id))
    if file is None:
        raise Http404
    return file


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
