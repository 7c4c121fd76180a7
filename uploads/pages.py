"""An organisation's files, for people: what there is, and what it takes."""

from contextlib import suppress
from uuid import UUID

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count, Max
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from catacloud import live
from catacloud.accounts.access import SignedInRequest, get_organisation, signed_in
from catacloud.accounts.models import Organisation
from catacloud.fragments import template_for
from uploads import ending, quota
from uploads.file import NoSuchFile, Status
from uploads.models import UploadedFile
from uploads.page_texts import TEXTS

PER_PAGE = 50


@signed_in
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def file_list(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    now = timezone.now()
    if same := live.nothing_new(request, organisation, now, lambda: _stamp(organisation)):
        return same
    return _show(request, organisation)


@signed_in
@require_POST
def delete_file(request: SignedInRequest, slug: str, file_id: UUID) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    with suppress(NoSuchFile):  # it is gone already, and that is what was asked for
        ending.delete(
            organisation=organisation,
            upload_id=file_id,
            now=timezone.now(),
            actor=f"user:{request.user.pk}",
        )
    if request.htmx:
        return _show(request, organisation)
    return redirect("files", slug)


def _stamp(organisation: Organisation) -> str:
    """Return what tells the files, and what they take, from those that were before."""
    complete = UploadedFile.objects.of(organisation).filter(status=Status.COMPLETE).order_by()
    found = complete.aggregate(Count("id"), Max("completed_at"))
    return repr([quota.kept(organisation), *found.values()])


def _show(request: SignedInRequest, organisation: Organisation) -> HttpResponse:
    files = UploadedFile.objects.of(organisation).filter(status=Status.COMPLETE)
    page = Paginator(files, PER_PAGE).get_page(request.GET.get("page"))
    kept, limit = quota.kept(organisation), quota.limit(organisation)
    context = {
        "organisation": organisation,
        "page": page,
        "live": live.tag_of(request, organisation, _stamp(organisation), timezone.now()),
        "here": reverse("files", args=[organisation.slug]),
        "kept": kept,
        "quota": limit,
        "expires_hours": settings.UPLOAD_EXPIRES_HOURS,
        "texts": TEXTS,
        "room": None if limit is None else max(0, limit - kept),
    }
    template = template_for(request, "uploads/files.html", partials={"files"})
    return render(request, template, context)
