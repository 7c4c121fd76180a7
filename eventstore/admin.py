"""Read-only pages of the store in Django's admin: consumers, streams, and a stream's events.

Django registers no model with a composite key, so streams and events hang, as plain views, on the
page of the checkpoints. All pages but the short list of shreddings go on by key ("after this one"):
nothing counts a whole table.
"""

from typing import Any
from uuid import UUID

import msgspec
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from eventstore import registry, standing
from eventstore.models import Checkpoint, DeadLetter, Horizon, StoredEvent, Stream, TenantKey

PAGE = 50  # rows
COUNT_LIMIT = 10_000  # events that are counted to say how far a partition is behind


class StreamSearch(forms.Form):
    """What a visitor may narrow the list by, and where its next page begins."""

    q = forms.UUIDField(required=False, label=gettext_lazy("Tenant or stream id"))
    type = forms.ChoiceField(required=False)
    tenant = forms.UUIDField(required=False, widget=forms.HiddenInput)
    stream = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        names = [(name, name) for name in registry.stream_types()]
        choices = [("", gettext("All")), *names]
        self.fields["type"] = forms.ChoiceField(
            required=False, label=gettext("Type"), choices=choices
        )


class LookOnly(admin.ModelAdmin[Any]):
    """A page that changes nothing."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Checkpoint)
class EventStoreAdmin(LookOnly):
    """The door to the pages of consumers, streams and their events."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.consumers), name="eventstore_checkpoint_changelist"),
            path("shreddings/", view(self.shreddings), name="eventstore_shreddings"),
            path("streams/", view(self.streams), name="eventstore_streams"),
            path(
                "streams/<uuid:tenant_id>/<uuid:stream_id>/",
                view(self.stream),
                name="eventstore_stream",
            ),
        ]

    def consumers(self, request: HttpRequest) -> HttpResponse:
        """List where each consumer stands in each partition: how far behind, and how fast."""
        _require(request, "view_checkpoint")
        context = {
            "rows": standing.standings(count_up_to=COUNT_LIMIT + 1),
            "horizon": Horizon.objects.first(),
            "count_limit": COUNT_LIMIT,
        }
        return self._page(request, "consumers", gettext("Consumers"), context)

    def shreddings(self, request: HttpRequest) -> HttpResponse:
        """List the tenants whose personal values were erased, and who decided so, and why."""
        _require(request, "view_tenantkey")
        rows = TenantKey.objects.filter(key=None).order_by("-shredded_at", "tenant_id")
        after = request.GET.get("after", "0")
        first = int(after) if after.isdecimal() and len(after) < 10 else 0
        found = list(rows.defer("key")[first : first + PAGE + 1])
        context = {"shreddings": found[:PAGE], "next": ""}
        if len(found) > PAGE:
            context["next"] = _query(request, after=first + PAGE)
        return self._page(request, "shreddings", gettext("Shreddings"), context)

    def streams(self, request: HttpRequest) -> HttpResponse:
        """List streams by tenant and id; search by either id, narrow by type."""
        _require(request, "view_stream")
        search = StreamSearch(request.GET)
        found = _streams(search.cleaned_data) if search.is_valid() else []
        context = {"search": search, "streams": found[:PAGE], "next": ""}
        if len(found) > PAGE:
            last = found[PAGE - 1]
            context["next"] = _query(request, tenant=last.tenant_id, stream=last.stream_id)
        return self._page(request, "streams", gettext("Streams"), context)

    def stream(self, request: HttpRequest, tenant_id: UUID, stream_id: UUID) -> HttpResponse:
        """Show a stream's events in order, with payload and metadata."""
        _require(request, "view_storedevent")
        stream = Stream.objects.filter(tenant_id=tenant_id, stream_id=stream_id).first()
        after = request.GET.get("after", "0")
        if stream is None or not after.isdecimal():
            raise Http404
        events = _events(stream, after=min(int(after), stream.version))
        context = {"stream": stream, "events": events[:PAGE], "next": ""}
        if len(events) > PAGE:
            context["next"] = _query(request, after=events[PAGE - 1]["version"])
        title = gettext("{type} {stream} at version {version}").format(
            type=stream.type, stream=stream.stream_id, version=stream.version
        )
        return self._page(request, "stream", title, context)

    def _page(
        self, request: HttpRequest, name: str, title: str, context: dict[str, Any]
    ) -> HttpResponse:
        around = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        page = {**around, "place": name, **context}
        return TemplateResponse(request, f"admin/eventstore/{name}.html", page)


@admin.register(DeadLetter)
class DeadLetterAdmin(LookOnly):
    """Events that consumers never handled, who decided so, and why."""

    change_list_template = "admin/eventstore/deadletters.html"
    list_display = ["consumer", "position", "the_event", "reason", "skipped_by", "skipped_at"]
    list_filter = ["consumer"]
    search_fields = ["=stream_id", "=tenant_id", "reason"]
    ordering = ["-skipped_at", "-pk"]
    show_full_result_count = False

    class Media:
        css = {"all": ["css/event-store-admin.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List them under their name: there is nothing to select them for."""
        context = {**(extra_context or {}), "title": gettext("Dead letters")}
        return super().changelist_view(request, context)

    @admin.display(description=gettext_lazy("Event"))
    def the_event(self, letter: DeadLetter) -> str:
        address = reverse("admin:eventstore_stream", args=[letter.tenant_id, letter.stream_id])
        name = gettext("{stream} version {version}").format(
            stream=letter.stream_id, version=letter.version
        )
        return format_html('<a href="{}?after={}">{}</a>', address, letter.version - 1, name)


def _require(request: HttpRequest, permission: str) -> None:
    """Raise PermissionDenied: being staff alone shows nobody what customers did."""
    if not request.user.has_perm(f"eventstore.{permission}"):
        raise PermissionDenied


def _streams(wanted: dict[str, Any]) -> list[Stream]:
    streams = Stream.objects.order_by("tenant_id", "stream_id")
    if wanted["q"]:
        # A tenant is found by the key; a stream's id alone takes a walk through the stream rows.
        streams = streams.filter(models.Q(tenant_id=wanted["q"]) | models.Q(stream_id=wanted["q"]))
    if wanted["type"]:
        streams = streams.filter(type=wanted["type"])
    if wanted["tenant"] and wanted["stream"]:
        streams = streams.filter(pk__gt=(wanted["tenant"], wanted["stream"]))
    return list(streams[: PAGE + 1])


def _events(stream: Stream, *, after: int) -> list[dict[str, Any]]:
    rows = (
        StoredEvent.objects.filter(
            tenant_id=stream.tenant_id, stream_id=stream.stream_id, version__gt=after
        )
        .order_by("version")
        # As text, for JSON through Python would make floats of exact numbers.
        .annotate(
            payload=Cast("data", models.TextField()), about=Cast("metadata", models.TextField())
        )
        .values(
            *("version", "position", "partition", "type", "schema_version", "event_id"),
            *("occurred_at", "recorded_at", "payload", "about"),
        )
    )
    return [
        {**row, "payload": _pretty(row["payload"]), "about": _pretty(row["about"])}
        for row in rows[: PAGE + 1]
    ]


def _pretty(text: str) -> str:
    return msgspec.json.format(text, indent=2)


def _query(request: HttpRequest, **changes: object) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query[name] = str(value)
    return query.urlencode()
