"""Queries and their answers in OpenMeter's shapes, whichever way a client writes them. Pure."""

import ast
import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from ninja import Field
from pydantic import AfterValidator, ConfigDict

from billing.exact import plain
from billing.metering.querying.group_filters import BadFilter
from billing.metering.querying.query import Row
from billing.metering.querying.windows import Size
from billing.metering.shapes import Moment, Shape, Text
from billing.spreadsheets import cell
from catacloud.time_zones import time_zones

SUBJECT, CUSTOMER = "subject", "customer_id"  # what OpenMeter groups by beside dimensions
# What a text in Python's notation gives that is none, or no dict; with a list for a key it is a
# TypeError, and with a number that is too long to be written a ValueError.
NO_OBJECT = (
    *(SyntaxError, ValueError, TypeError, AttributeError),
    *(MemoryError, RecursionError),  # of a deep one
)


def _is_zone(name: str) -> str:
    if name not in time_zones():
        raise ValueError(f"There is no time zone {name!r}: name one such as Europe/Berlin")
    return name


Names = Annotated[list[Text], Field(max_length=100)]
ZoneName = Annotated[
    str, Field(description="Of the IANA database.", examples=["UTC"]), AfterValidator(_is_zone)
]


class Span(Shape):
    """From when to when; the end is not in it."""

    model_config = ConfigDict(extra="ignore")

    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


class Asked(Span):
    """What is asked of a meter."""

    client_id: Annotated[str | None, Field(description="Has no effect here.")] = None
    window_size: Annotated[
        Size | None, Field(description="Without one, there is one figure for the whole span.")
    ] = None
    window_time_zone: ZoneName = "UTC"
    subject: Annotated[Names, Field(description="Only these organisations, each by itself.")] = []
    filter_customer_id: Annotated[Names, Field(description="The same, by their ids.")] = []
    group_by: Annotated[
        Names, Field(description="Names of groupBy of the meter, `subject` and `customer_id`.")
    ] = []


class AskedByPost(Asked):
    """What is asked of a meter, with filters; what is not known is refused, as in an address."""

    model_config = ConfigDict(extra="forbid")

    filter_group_by: Annotated[
        dict[str, list[str]], Field(description="Only these values, by name.")
    ] = {}
    advanced_meter_group_by_filters: Annotated[
        dict[str, dict[str, Any]],
        Field(
            description="Filters by name: $eq, $ne, $in, $nin, $like, $gt, $and, $or and others.",
            examples=[{"model": {"$in": ["gpt-4", "gpt-4o"]}}],
        ),
    ] = {}

    @property
    def filters(self) -> dict[str, Any]:
        """Return all filters as :func:`group_filters.condition` takes them. Raises BadFilter."""
        return merged(self.filter_group_by, self.advanced_meter_group_by_filters)


class MeterRow(Shape):
    """What a window comes to; of a LEVEL in quantity × microseconds."""

    value: float
    window_start: datetime
    window_end: datetime
    subject: str | None
    customer_id: str | None = None
    group_by: dict[str, str | None]


class MeterResult(Shape):
    """The figures of a meter, by window."""

    from_: Annotated[datetime | None, Field(alias="from")] = None
    to: datetime | None = None
    window_size: Size | None = None
    data: list[MeterRow]


class Named(NamedTuple):
    """A row, with the names that its organisation has where these were asked for."""

    row: Row
    subject: str | None
    customer: str | None


def merged(simple: Mapping[str, list[str]], advanced: Mapping[str, Any]) -> dict[str, Any]:
    if simple and advanced:
        raise BadFilter("Send filterGroupBy or advancedMeterGroupByFilters, not both.")
    return dict(advanced) or {name: {"$in": values} for name, values in simple.items()}


def filters_of(parameters: Iterable[tuple[str, list[str]]]) -> dict[str, Any]:
    """Read the filters of a query string. Raises BadFilter.

    OpenMeter's client for JavaScript writes ``filterGroupBy[model]=x``, and that for Python
    ``filterGroupBy={'model': 'x'}``.
    """
    simple: dict[str, list[str]] = {}
    advanced: Any = {}
    for name, values in parameters:
        if name.startswith("filterGroupBy[") and name.endswith("]"):
            simple[name[len("filterGroupBy[") : -1]] = values
        elif name == "filterGroupBy":
            simple |= _literal(values[-1])
        elif name == "advancedMeterGroupByFilters":
            advanced = _json(values[-1])
    return merged(simple, advanced)


def _literal(text: str) -> dict[str, list[str]]:
    try:
        read = ast.literal_eval(text)
        return {str(name): _list(value) for name, value in read.items()}
    except NO_OBJECT as error:
        raise BadFilter("filterGroupBy is no object of names and values.") from error


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def _json(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise BadFilter("advancedMeterGroupByFilters is no JSON object.")
    return read


def as_json(asked: Asked, rows: Sequence[Named]) -> dict[str, Any]:
    """Return the answer; its values are numbers with all their digits."""
    told = {"from": asked.from_, "to": asked.to, "windowSize": asked.window_size}
    return {
        **{name: value for name, value in told.items() if value is not None},
        "data": [_row(one) for one in rows],
    }


def _row(named: Named) -> dict[str, Any]:
    row = named.row
    shape: dict[str, Any] = {
        "value": msgspec.Raw(plain(row.value).encode()),
        "windowStart": row.starts_at,
        "windowEnd": row.ends_at,
        "subject": named.subject,
        "groupBy": row.groups,
    }
    return shape if named.customer is None else shape | {"customerId": named.customer}


def as_csv(by: Sequence[str], rows: Sequence[Named]) -> str:
    """Return the answer as a table, with a column for each name that is grouped by."""
    names = [name for name in by if name not in (SUBJECT, CUSTOMER)]
    own = [name for name in (SUBJECT, CUSTOMER) if name in by]
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["window_start", "window_end", *own, *names, "value"])
    for named in rows:
        row, called = named.row, {SUBJECT: named.subject, CUSTOMER: named.customer}
        cells = [*(called[name] or "" for name in own), *(row.groups[name] for name in names)]
        times = (_rfc3339(row.starts_at), _rfc3339(row.ends_at))
        table.writerow([*times, *map(cell, cells), plain(row.value)])
    return text.getvalue()


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def zone_of(asked: Asked) -> ZoneInfo:
    return ZoneInfo(asked.window_time_zone)
