"""What programs send and are told of meters, in OpenMeter's shapes. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Literal, Self

from ninja import Field, Schema
from pydantic import AfterValidator, ConfigDict, field_validator, model_validator
from pydantic.alias_generators import to_camel

from billing.metering.events import REPLACED, VOIDED
from billing.metering.services.jsonpath import NotAField, path_of
from billing.metering.services.meters import (
    AT_MOST,
    BEGINNING,
    MOST,
    MOST_GROUPS,
    RESERVED,
)
from billing.metering.shapes import Moment, Shape, Text

NOT_METERED = ("AVG", "MIN")  # OpenMeter's: an average or a smallest value is nothing to bill

Aggregation = Literal["SUM", "COUNT", "MAX", "LATEST", "UNIQUE_COUNT", "LEVEL", "PEAK"]
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,50}")
MeterName = Annotated[str, Field(pattern=f"^{SLUG.pattern}$")]


def _is_usage(event_type: str) -> str:
    if event_type in (VOIDED, REPLACED):
        raise ValueError(f"{event_type} corrects usage, and is none itself: it cannot be counted.")
    return event_type


EventType = Annotated[Text, Field(min_length=1, max_length=500), AfterValidator(_is_usage)]


def _is_no_id(slug: str) -> str:
    if slug.isdecimal():
        raise ValueError("A slug of digits alone would be taken for an id: add a letter.")
    return slug


def _is_path(jsonpath: str) -> str:
    try:
        path_of(jsonpath)
    except NotAField as error:
        raise ValueError(str(error)) from error
    return jsonpath


JsonPath = Annotated[str, Field(max_length=200, examples=["$.tokens"]), AfterValidator(_is_path)]


def _can_be_told_apart(groups: dict[str, str]) -> dict[str, str]:
    for name in RESERVED:
        if name in groups:
            raise ValueError(f"{name} is the organisation's: give the group another name.")
    return groups


Groups = Annotated[
    dict[MeterName, JsonPath],
    Field(max_length=MOST_GROUPS),
    AfterValidator(_can_be_told_apart),
]
Limit = Annotated[int, Field(ge=1, le=MOST)]
Size = Annotated[Decimal, Field(gt=0, max_digits=40, decimal_places=12)]


class MeterChange(Shape):
    """What a meter may become; name, description and groupBy are replaced as a whole."""

    name: Annotated[Text | None, Field(min_length=1, max_length=100)] = None
    description: Annotated[Text, Field(max_length=1024)] = ""
    group_by: Annotated[
        Groups | None, Field(description="Where in the data each value to group by is.")
    ] = None
    group_limits: Annotated[
        dict[MeterName, Limit] | None,
        Field(
            description=f"How many values of each are told apart, else {AT_MOST}: the first ones "
            "of an organisation. All others count together, as `…`.",
            examples=[{"model": 50}],
        ),
    ] = None
    event_type: Annotated[EventType | None, Field(description="Which events count.")] = None
    event_types: Annotated[
        list[EventType] | None,
        Field(min_length=1, max_length=100, description="Or these, where several do."),
    ] = None
    value_property: Annotated[
        JsonPath | None, Field(description="Where the quantity is; COUNT needs none.")
    ] = None
    allows_negative: Annotated[
        bool | None, Field(description="Whether quantities below zero count: corrections.")
    ] = None
    metadata: Annotated[
        dict[str, str] | None, Field(max_length=0, description="Not kept here: leave it out.")
    ] = None

    @model_validator(mode="after")
    def _types_come_once(self) -> Self:
        if self.event_type and self.event_types and self.event_type not in self.event_types:
            raise ValueError("eventType is none of eventTypes: send one of both.")
        return self

    @model_validator(mode="after")
    def _limits_are_of_groups(self) -> Self:
        for name in self.group_limits or {}:
            if name not in (self.group_by or {}):
                raise ValueError(f"groupLimits has {name!r}, and groupBy has not: add it there.")
        return self

    @property
    def types(self) -> list[str]:
        return self.event_types or ([self.event_type] if self.event_type else [])

    @property
    def dimensions(self) -> dict[str, str]:
        return {name: path_of(path) for name, path in (self.group_by or {}).items()}

    def limits(self, before: Mapping[str, int] = MappingProxyType({})) -> dict[str, int]:
        """Return how many values of each dimension are told apart; what is not said stays."""
        said = {**before, **(self.group_limits or {})}
        return {name: said.get(name, AT_MOST) for name in self.group_by or {}}


class NewMeter(MeterChange):
    """A meter to be made."""

    slug: Annotated[MeterName, AfterValidator(_is_no_id)]
    aggregation: Aggregation
    event_from: Annotated[
        Moment | None,
        Field(
            description="Events of this time and later count, else all: those that come from now "
            "on. What came before is counted once an operator runs rebuild_usage."
        ),
    ] = None
    unit: Annotated[Text, Field(max_length=20, description="As shown and priced.")] = ""
    unit_size: Annotated[Size | None, Field(description="How much of it is one unit.")] = None
    level_unit: Annotated[
        Text, Field(max_length=20, description="Of a LEVEL: what it is at a moment, such as GB.")
    ] = ""
    level_unit_size: Annotated[
        Size | None, Field(description="Of a LEVEL: how much of the quantity is one of these.")
    ] = None

    @field_validator("aggregation", mode="before")
    @classmethod
    def _is_metered(cls, value: object) -> object:
        if value in NOT_METERED:
            raise ValueError(f"{value} is not metered here: it adds up to nothing to bill")
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.types:
            raise ValueError("Say which events count: eventType is missing.")
        if self.aggregation != "COUNT" and self.value_property is None:
            raise ValueError("Say where the quantity is: only COUNT needs no valueProperty.")
        if self.aggregation != "LEVEL" and (self.level_unit or self.level_unit_size):
            raise ValueError("Only a LEVEL has a levelUnit and a levelUnitSize: leave them out.")
        if self.event_from and self.event_from < BEGINNING:
            raise ValueError(f"No event is from before {BEGINNING.year}: eventFrom is too early.")
        return self


class Meter(Shape):
    """A service: which events it counts and how. ``startsAt`` is from when it counts so."""

    id: str
    slug: str
    name: str
    description: str
    aggregation: Aggregation
    event_type: str
    event_types: list[str]
    value_property: str | None = None
    group_by: dict[str, str]
    group_limits: dict[str, int]
    event_from: datetime | None = None
    allows_negative: bool
    unit: str
    unit_size: Annotated[
        str, Field(description="How much of the value makes one unit, such as 3600 s an hour.")
    ]
    level_unit: str | None = None
    level_unit_size: str | None = None
    starts_at: datetime
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


class Listing(Schema):
    """Which meters to list, and in what order."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    page: Annotated[int, Field(ge=1, le=10_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=1000)] = 1000
    order_by: Literal["key", "name", "aggregation", "createdAt", "updatedAt"] = "key"
    order: Literal["ASC", "DESC"] = "ASC"
    include_deleted: bool = False
