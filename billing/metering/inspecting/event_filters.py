"""The filter of ``GET /api/v2/events``, as OpenMeter's clients write it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from pydantic import TypeAdapter, ValidationError

from billing.metering.inspecting.listing import Filter
from billing.metering.querying import group_filters
from billing.metering.querying.group_filters import JOINED, BadFilter
from billing.metering.shapes import Moment

TEXTS = {
    "id": "event.data ->> 'id'",
    "source": "event.data ->> 'source'",
    "type": "event.data ->> 'type'",
    "subject": "organisation.slug",
    "customerId": "organisation.id::text",
}
MOMENTS = {"time": "event.occurred_at", "ingestedAt": "event.recorded_at"}
COMPARED = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}

_moment: TypeAdapter[datetime] = TypeAdapter(Moment)


def read(asked: Mapping[str, Any]) -> Filter:
    """Return the condition that a filter is; all of its fields have to hold. Raises BadFilter."""
    values: dict[str, Any] = {}
    parts = [_field(name, one, values) for name, one in asked.items() if one is not None]
    return Filter(" AND ".join(parts) or "true", values)


def exactly(asked: Mapping[str, Any], name: str) -> str | None:
    """Return the one text that a field may be, where the filter says that first of all."""
    one = asked.get(name)
    value = one.get("$eq") if isinstance(one, Mapping) else None
    return value if isinstance(value, str) else None


def _field(name: str, asked: Any, values: dict[str, Any]) -> str:
    if name in TEXTS:
        return group_filters.condition(TEXTS[name], asked, values)
    if name in MOMENTS:
        return _moments(MOMENTS[name], asked, values)
    known = ", ".join([*TEXTS, *MOMENTS])
    raise BadFilter(f"There is no field {name!r} to filter by: {known} are known.")


def _moments(column: str, asked: Any, values: dict[str, Any], depth: int = 0) -> str:
    if not isinstance(asked, Mapping):
        raise BadFilter('A time is filtered so: {"$gte": "2026-11-01T00:00:00Z"}.')
    group_filters.refuse_large(asked, values, depth)
    parts = [
        _one(column, operator, operand, values, depth)
        for operator, operand in asked.items()
        if operand is not None
    ]
    return group_filters.all_of(parts, " AND ")


def _one(column: str, operator: str, operand: Any, values: dict[str, Any], depth: int) -> str:
    if operator in JOINED:
        if not isinstance(operand, list):
            raise BadFilter(f"{operator} takes a list of filters.")
        parts = [_moments(column, one, values, depth + 1) for one in operand]
        return group_filters.all_of(parts, JOINED[operator])
    if operator not in COMPARED:
        known = ", ".join([*COMPARED, *JOINED])
        raise BadFilter(f"A time knows no operator {operator!r}: {known} are known.")
    try:
        moment = _moment.validate_json(msgspec.json.encode(operand))
    except ValidationError as error:
        raise BadFilter(f"{operator} takes a time, such as 2026-11-01T00:00:00Z.") from error
    return f"{column} {COMPARED[operator]} %({group_filters.keep(values, moment)})s"
