"""The events page: what came, what became of it, and the form that takes an event back."""

from collections.abc import Sequence
from datetime import UTC
from urllib.parse import urlencode

import msgspec
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from billing.dashboards import stamps, unknown
from billing.dashboards.events.query import HOUR, STATES, Asked, find, read_asked
from billing.metering.events import EventName
from billing.metering.folding import uncounted
from billing.metering.ingesting import corrections
from billing.metering.ingesting.corrections import BadCorrection
from billing.metering.inspecting.explaining import Explained
from billing.metering.models import Service
from billing.periods import day_of
from catacloud import live
from catacloud.accounts.access import (
    SignedInRequest,
    get_organisation,
    may_bill,
    operators_only,
    signed_in,
)
from catacloud.accounts.models import Organisation
from catacloud.addresses import tidied
from catacloud.fragments import template_for


@signed_in
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
@tidied()
def events(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    stamp = stamps.stamp_of_events(organisation)
    tag = live.tag_of(request, organisation, stamp, timezone.now())
    return live.unchanged(tag) if live.is_known(request, tag) else _show(request, organisation, tag)


@operators_only
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
@tidied()
def all_events(request: SignedInRequest) -> HttpResponse:
    tag = live.tag(request, timezone.now(), stamps.stamp_of_events(None))
    return live.unchanged(tag) if live.is_known(request, tag) else _show(request, None, tag)


@signed_in
@require_POST
def void_event(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    if not may_bill(request.user, organisation):
        raise Http404("Only who may bill can void events.")
    name = EventName(request.POST.get("source", ""), request.POST.get("id", ""))
    try:
        corrections.void(
            organisation=organisation,
            name=name,
            reason=request.POST.get("reason", "")[: corrections.LONGEST_REASON],
            actor=f"user:{request.user.email}",
            now=timezone.now(),
        )
    except BadCorrection as error:
        messages.error(request, str(error))
    else:
        text = gettext("The event {id} is voided: figures follow in seconds.")
        messages.success(request, text.format(id=name.id))
    one = urlencode({"source": name.source, "id": name.id})
    return redirect(f"{reverse('events', args=[slug])}?{one}")


def _show(request: SignedInRequest, organisation: Organisation | None, tag: str) -> HttpResponse:
    zone = UTC if organisation is None else organisation.zone
    asked = read_asked(request.GET, zone)
    found = find(asked, organisations=None if organisation is None else [organisation.pk])
    services = list(Service.objects.order_by("name"))
    context: dict[str, object] = {
        "organisation": organisation,
        "here": request.path,
        "zone": zone,
        "zone_name": "UTC" if organisation is None else organisation.time_zone,
        "hour": asked.hour and f"{asked.hour:{HOUR}}",
        "day": asked.hour and day_of(asked.hour, zone),
        "asked": asked,
        "refused": _refused(request, asked, services),
        "rows": [(one, _payload(one)) for one in found.events],
        "live": tag,  # on a page of older events, too: late ones come, and some are voided
        "older": found.older and str(found.older),
        "looked_back_to": found.looked_back_to,
        "services": services,
        "goes_on": any(one.is_level and one.slug == asked.service for one in services),
        "states": {slug: gettext(name) for slug, name in STATES.items()},
        "may_void": organisation is not None and may_bill(request.user, organisation),
    }
    if request.GET.keys() <= {"state", "before"}:  # with a filter it would say more
        owner = organisation.pk if organisation else None
        context["uncounted"] = uncounted.by_day(owner, today=timezone.now().date())
    page = template_for(request, "billing/events.html", partials={"events"})
    return render(request, page, context)


def _refused(request: SignedInRequest, asked: Asked, services: Sequence[Service]) -> list[str]:
    """Return what was asked for and cannot be shown."""
    known = {"service": [one.slug for one in services], "state": STATES}
    return unknown.messages(request.GET, known, first=asked.message)


def _payload(one: Explained) -> str:
    return msgspec.json.format(bytes(one.stored.event.data), indent=2).decode()
