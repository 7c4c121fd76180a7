"""Queries over HTTP, in OpenMeter's shape: what a meter comes to, and for whom."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from ninja import Query as InQuery
from ninja import Router

from billing.metering import parameters
from billing.metering.models import Service
from billing.metering.querying import query, query_shapes
from billing.metering.querying.asked import Query
from billing.metering.querying.group_filters import BadFilter
from billing.metering.querying.levels import TooManyFigures
from billing.metering.querying.query import Row
from billing.metering.querying.query_shapes import (
    CUSTOMER,
    SUBJECT,
    Asked,
    AskedByPost,
    MeterResult,
    Named,
    Span,
)
from billing.metering.querying.windows import TooManyWindows
from billing.metering.services.meters_api import find
from catacloud.accounts.api_keys import KeyRequest
from catacloud.accounts.organisations import visible
from catacloud.problems import Problem
from eventstore.rows import encode_json

router = Router()

JSON, CSV = "application/json", "text/csv"
REFUSED = (BadFilter, TooManyWindows, TooManyFigures)
RECENT = timedelta(hours=24)

ANSWERS = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}
FILTERS = [
    {
        "name": "filterGroupBy",
        "in": "query",
        "required": False,
        "style": "deepObject",
        "explode": True,
        "description": "Only these values, such as `filterGroupBy[model]=gpt-4`.",
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    {
        "name": "advancedMeterGroupByFilters",
        "in": "query",
        "required": False,
        "description": "Filters by name, as by POST.",
        "content": {JSON: {"schema": {"type": "object"}}},
    },
]
KNOWN = parameters.known(Asked) | {"filterGroupBy", "advancedMeterGroupByFilters"}
OF_SPANS = parameters.known(Span) | {"clientId"}  # which OpenMeter's clients may send anywhere


@router.get(
    "/meters/{meter}/query",
    response=MeterResult,
    by_alias=True,
    summary="Query a meter",
    openapi_extra={"parameters": FILTERS, "responses": ANSWERS},
)
def query_meter(request: KeyRequest, meter: str, asked: InQuery[Asked]) -> HttpResponse:
    """Say what a meter comes to: JSON, or CSV where `Accept` prefers that.

    An organisation's key sees its own usage only. Values are exact numbers: read them as decimals.
    A parameter that is not known is a 400, for a misspelled filter would count what others used.
    """
    parameters.refuse_others(request, KNOWN, objects=["filterGroupBy"])
    try:
        filters = query_shapes.filters_of(request.GET.lists())
    except BadFilter as error:
        raise Problem(400, str(error)) from error
    return _answer(request, find(meter), asked, filters)


@router.post(
    "/meters/{meter}/query",
    response=MeterResult,
    by_alias=True,
    summary="Query a meter, with a body",
    openapi_extra={"responses": ANSWERS},
)
def query_meter_by_post(request: KeyRequest, meter: str, asked: AskedByPost) -> HttpResponse:
    """Say the same as by GET; there is room for more filters."""
    try:
        return _answer(request, find(meter), asked, asked.filters)
    except BadFilter as error:
        raise Problem(400, str(error)) from error


@router.get("/meters/{meter}/subjects", response=list[str], summary="List who uses a meter")
def list_subjects(request: KeyRequest, meter: str, span: InQuery[Span]) -> list[str]:
    """List the organisations with usage, from the beginning of time on if it is not said."""
    parameters.refuse_others(request, OF_SPANS)
    found = _run(request, find(meter), Asked(**_span(span), group_by=[SUBJECT]), {})
    return sorted({one.subject for one in found if one.subject is not None})


@router.get(
    "/meters/{meter}/group-by/{name}/values",
    response=list[str],
    summary="List the values that a meter is grouped by",
)
def list_values(request: KeyRequest, meter: str, name: str, span: InQuery[Span]) -> list[str]:
    """List the values with usage, of the last day if no span is said."""
    parameters.refuse_others(request, OF_SPANS)
    service = find(meter)
    if name not in _dimensions(service):
        raise Http404
    said = _span(span)
    if not any(said.values()):
        said["from"] = timezone.now() - RECENT
    found = _run(request, service, Asked(**said, group_by=[name]), {})
    return sorted({one.row.groups[name] for one in found} - {""})


def _span(span: Span) -> dict[str, Any]:
    return {"from": span.from_, "to": span.to}


def _answer(
    request: KeyRequest, service: Service, asked: Asked, filters: Mapping[str, Any]
) -> HttpResponse:
    rows = _run(request, service, asked, filters)
    if request.get_preferred_type([JSON, CSV]) == CSV:
        response = HttpResponse(query_shapes.as_csv(_by(asked), rows), content_type=CSV)
    else:
        response = HttpResponse(encode_json(query_shapes.as_json(asked, rows)), content_type=JSON)
    patch_vary_headers(response, ["Accept"])
    return response


def _run(
    request: KeyRequest, service: Service, asked: Asked, filters: Mapping[str, Any]
) -> list[Named]:
    by = _by(asked)
    _check(service, asked, by, filters)
    owners = _owners(request, asked)
    wanted = Query(
        service=service,
        owners=list(owners),
        first=asked.from_,
        end=asked.to,
        size=asked.window_size,
        zone=query_shapes.zone_of(asked),
        by_owner=SUBJECT in by or CUSTOMER in by,
        by=[name for name in by if name not in (SUBJECT, CUSTOMER)],
        filters=filters,
    )
    try:
        rows = query.run(wanted, now=timezone.now())
    except REFUSED as error:
        raise Problem(400, str(error)) from error
    return sorted((_named(row, by, owners) for row in rows), key=_order)


def _by(asked: Asked) -> list[str]:
    """Return what to group by: whoever is asked for by name is told apart, too."""
    implied = [SUBJECT] * bool(asked.subject) + [CUSTOMER] * bool(asked.filter_customer_id)
    return list(dict.fromkeys([*asked.group_by, *implied]))


def _order(named: Named) -> tuple[object, ...]:
    row = named.row
    return row.starts_at, named.subject or "", str(row.owner), *row.groups.values()


def _named(row: Row, by: Sequence[str], owners: Mapping[UUID, str]) -> Named:
    subject = owners[row.owner] if row.owner and SUBJECT in by else None
    return Named(row, subject, str(row.owner) if CUSTOMER in by else None)


def _check(service: Service, asked: Asked, by: Sequence[str], filters: Mapping[str, Any]) -> None:
    if asked.from_ and asked.to and asked.from_ >= asked.to:
        raise Problem(400, "from has to be before to.")
    known = _dimensions(service)
    for name in [*by, *filters]:
        if name not in known and (name in filters or name not in (SUBJECT, CUSTOMER)):
            raise Problem(400, f"The meter has no {name!r} to group or filter by.")


def _dimensions(service: Service) -> set[str]:
    return {one.name for each in service.definitions.all() for one in each.dimensions.all()}


def _owners(request: KeyRequest, asked: Asked) -> dict[UUID, str]:
    """Return the organisations that are asked about and that the key may see, by id: their slugs.

    Raises Http404 where one that is named by its id does not exist for the key.
    """
    found = visible(request.auth)
    if asked.subject:
        names = [name for name in asked.subject if "\0" not in name]
        found = found.filter(Q(slug__in=names) | Q(external_key__in=names))
    owners = dict(found.values_list("id", "slug"))
    if not asked.filter_customer_id:
        return owners
    ids = {_uuid(text) for text in asked.filter_customer_id}
    if visible(request.auth).filter(pk__in=ids).count() < len(ids):
        raise Http404
    return {owner: slug for owner, slug in owners.items() if owner in ids}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error
