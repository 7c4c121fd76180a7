"""Services over HTTP, as OpenMeter's clients know them: meters."""

from datetime import datetime
from typing import cast

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from billing.exact import plain
from billing.metering import parameters
from billing.metering.models import Definition, Service
from billing.metering.services import meters
from billing.metering.services.jsonpath import jsonpath_of, path_of
from billing.metering.services.meter_shapes import (
    SLUG,
    Aggregation,
    Listing,
    Meter,
    MeterChange,
    NewMeter,
)
from billing.metering.services.meters import BEGINNING, Counting, counting_of, latest
from catacloud.accounts.api_keys import KeyRequest
from catacloud.problems import Problem

router = Router()

REFUSALS = {
    403: "Only a platform's key may change meters.",
    409: "There is a meter of this slug already, or a change of it that has not begun yet.",
}
DOCUMENTED = {"responses": {code: {"description": text} for code, text in REFUSALS.items()}}
HOUR_MICROSECONDS = 3_600_000_000

KNOWN = parameters.known(Listing)
ORDERS = {"key": "slug", "createdAt": "created_at", "updatedAt": "updated_at"}


@router.get(
    "/meters", response=list[Meter], exclude_none=True, by_alias=True, summary="List meters"
)
def list_meters(request: KeyRequest, listing: Query[Listing]) -> list[Meter]:
    """List what is metered: the same for every key. A parameter that is not known is a 400."""
    parameters.refuse_others(request, KNOWN)
    found = [_meter(service) for service in services()]
    if not listing.include_deleted:
        found = [one for one in found if one.deleted_at is None]
    field = ORDERS.get(listing.order_by, listing.order_by)
    found.sort(key=lambda one: (getattr(one, field), one.slug), reverse=listing.order == "DESC")
    first = (listing.page - 1) * listing.page_size
    return found[first : first + listing.page_size]


@router.post(
    "/meters",
    response={201: Meter},
    summary="Make a meter",
    exclude_none=True,
    by_alias=True,
    openapi_extra=DOCUMENTED,
)
def create_meter(request: KeyRequest, meter: NewMeter) -> Status[Meter]:
    """Make a service that counts events, those of `eventFrom` and later. Platform keys only.

    Events that came before it was made count once usage is built anew: `manage.py rebuild_usage`.

    Beside OpenMeter's aggregations, without AVG and MIN, there are LEVEL, the integral of a level
    over time whose events are its changes, and PEAK, the highest that a level was.
    """
    _only_the_platform(request)
    counts = Counting(
        event_types=meter.types,
        quantity_path=path_of(meter.value_property) if meter.value_property else "",
        allows_negative=bool(meter.allows_negative),
        dimensions=meter.dimensions,
        limits=meter.limits(),
    )
    try:
        meters.create(
            _service(meter, timezone.now()), counts, starts_at=meter.event_from or BEGINNING
        )
    except meters.CannotChange as error:
        raise Problem(409, str(error)) from error
    return Status(201, _meter(find(meter.slug)))


@router.get(
    "/meters/{meter}", response=Meter, exclude_none=True, by_alias=True, summary="Show a meter"
)
def show_meter(request: KeyRequest, meter: str) -> Meter:
    """Show a meter, by its slug or its id."""
    return _meter(find(meter))


@router.put(
    "/meters/{meter}",
    response=Meter,
    exclude_none=True,
    by_alias=True,
    summary="Change a meter",
    openapi_extra=DOCUMENTED,
)
def change_meter(request: KeyRequest, meter: str, changed: MeterChange) -> Meter:
    """Change a meter: it counts otherwise from ten minutes on. Platform keys only.

    What it counted until then stays: `startsAt` says from when the new version counts. Values of
    `groupLimits` that are not said stay, too. A meter that was deleted counts again.
    """
    _only_the_platform(request)
    service = find(meter)
    before = counting_of(meters.counting(service))
    service.name, service.description = changed.name or service.slug, changed.description
    path, negative = changed.value_property, changed.allows_negative
    counts = Counting(
        event_types=changed.types or before.event_types,
        quantity_path=path_of(path) if path else before.quantity_path,
        allows_negative=before.allows_negative if negative is None else negative,
        dimensions=changed.dimensions,
        limits=changed.limits(before.limits),
    )
    try:
        meters.change(service, counts, now=timezone.now())
    except meters.CannotChange as error:
        raise Problem(409, str(error)) from error
    return _meter(find(meter))


@router.delete(
    "/meters/{meter}",
    response={204: None},
    summary="End a meter",
    openapi_extra=DOCUMENTED,
)
def delete_meter(request: KeyRequest, meter: str) -> HttpResponse:
    """Let a meter count no more, from ten minutes on. Platform keys only.

    What it counted is history that invoices rest on: it stays, and can be queried. The meter is
    listed with `includeDeleted=true`.
    """
    _only_the_platform(request)
    try:
        meters.end(find(meter), now=timezone.now())
    except meters.CannotChange as error:
        raise Problem(409, str(error)) from error
    return HttpResponse(status=204)


def services() -> QuerySet[Service]:
    """Return the services that count anything, or did."""
    counted = Definition.objects.filter(event_types__len__gt=0)
    found = Service.objects.filter(pk__in=counted.values("service"))
    return found.prefetch_related("definitions__dimensions")


def find(name: str) -> Service:
    """Return the service of a slug or an id. Raises Http404."""
    if not SLUG.fullmatch(name):
        raise Http404
    found = services().filter(slug=name).first()
    if found is None and name.isdecimal() and len(name) < 19:
        found = services().filter(pk=int(name)).first()
    if found is None:
        raise Http404
    return found


def _only_the_platform(request: KeyRequest) -> None:
    if request.auth.organisation is not None:
        raise Problem(403, "Meters are the platform's: only a key of the platform changes them.")


def _service(meter: NewMeter, now: datetime) -> Service:
    is_level = meter.aggregation == "LEVEL"  # its figure is in quantity × microseconds
    return Service(
        slug=meter.slug,
        name=meter.name or meter.slug,
        description=meter.description,
        aggregation=meter.aggregation.lower(),
        unit=meter.unit,
        unit_size=meter.unit_size or (HOUR_MICROSECONDS if is_level else 1),
        level_unit=(meter.level_unit or meter.unit or "units") if is_level else "",
        level_unit_size=(meter.level_unit_size or 1) if is_level else None,
        created_at=now,
    )


def _meter(service: Service) -> Meter:
    newest, definition = latest(service), meters.counting(service)
    first = min(one.starts_at for one in service.definitions.all())
    return Meter(
        id=str(service.pk),
        slug=service.slug,
        name=service.name,
        description=service.description,
        aggregation=cast(Aggregation, service.aggregation.upper()),
        event_type=definition.event_types[0],
        event_types=definition.event_types,
        value_property=jsonpath_of(definition.quantity_path) if definition.quantity_path else None,
        group_by={one.name: jsonpath_of(one.path) for one in definition.dimensions.all()},
        group_limits={one.name: one.at_most for one in definition.dimensions.all()},
        event_from=first if first > BEGINNING else None,
        allows_negative=definition.allows_negative,
        unit=service.unit,
        unit_size=plain(service.unit_size),
        level_unit=service.level_unit or None,
        level_unit_size=plain(service.level_unit_size) if service.level_unit_size else None,
        starts_at=definition.starts_at,
        created_at=service.created_at,
        updated_at=max(service.created_at, newest.starts_at),
        deleted_at=None if newest.event_types else newest.starts_at,
    )
