"""Keep the values of dimensions bounded: the first ones of an organisation are told apart.

Which came first goes by their positions, for each definition by itself, and counts what was taken
back: so it is the same in batches of any size, and for late events of an older definition.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

from billing.metering.folding.fold import NO_GROUPS, Hour
from billing.metering.folding.readings import Reading
from billing.metering.folding.slots import Piece
from billing.metering.models import Dimension
from billing.metering.usage_tables import DimensionValue

OTHERS = "…"  # the value of all that come later

Read = TypeVar("Read", Reading, Piece)

_Place = tuple[UUID, int, str]  # organisation, definition, dimension


def bounded(read: Sequence[Read], services: Mapping[str, int]) -> list[Read]:
    """Return what was read, with values beyond a dimension's bound as one.

    New values are noted; services are given by slug.
    """
    if all(one.hour.groups == NO_GROUPS for one in read):
        return list(read)
    known = _Known(read)
    told: list[Read] = []
    for one in sorted(read, key=lambda one: one.first):
        hour = one.hour
        if hour.groups != NO_GROUPS:
            hour = known.told_apart(hour, one.definition)
        told.append(one._replace(hour=hour))
    DimensionValue.objects.bulk_create(
        DimensionValue(
            organisation_id=owner,
            service_id=services[slug],
            definition_id=definition,
            name=name,
            value=value,
        )
        for slug, (owner, definition, name), value in known.new
    )
    return told


class _Known:
    """The values that are told apart, and those that have become so."""

    def __init__(self, read: Iterable[Reading | Piece]) -> None:
        self.values: defaultdict[_Place, set[str]] = defaultdict(set)
        self.new: list[tuple[str, _Place, str]] = []
        grouped = [one for one in read if one.hour.groups != NO_GROUPS]
        rows = DimensionValue.objects.filter(
            organisation__in={one.hour.organisation_id for one in grouped},
            definition__in={one.definition for one in grouped},
        ).values_list("organisation_id", "definition_id", "name", "value")
        for organisation, definition, name, value in rows:
            self.values[organisation, definition, name].add(value)
        dimensions = Dimension.objects.values_list("definition_id", "name", "at_most")
        self.limits = {(definition, name): limit for definition, name, limit in dimensions}

    def told_apart(self, hour: Hour, definition: int) -> Hour:
        """Return where the events of an hour and group count."""
        values = _decode(hour.groups)
        for name, value in values.items():
            place = hour.organisation_id, definition, name
            if value in self.values[place]:
                continue
            if len(self.values[place]) < self.limits.get((definition, name), 0):
                self.values[place].add(value)
                self.new.append((hour.service, place, value))
            else:
                values[name] = OTHERS
        return hour._replace(groups=_encode(values))


def canonical(groups: str) -> str:
    """Return the groups of a row, as the database writes them, in the form of an Hour's."""
    return NO_GROUPS if groups == NO_GROUPS else _encode(_decode(groups))


def _decode(groups: str) -> dict[str, str]:
    return msgspec.json.decode(groups, type=dict[str, str])


def _encode(values: Mapping[str, str]) -> str:
    return msgspec.json.encode(values, order="sorted").decode()
