"""What charges price: a service's usage, that of one value of a dimension, or its single events.

Whole services the daily tables answer. All else is asked here, of the hours or of the events.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.exact import ZERO
from billing.metering.folding import zoning
from billing.metering.models import Service
from billing.metering.querying import query
from billing.metering.querying.asked import Query
from billing.periods import ONE_DAY, Days, day_of, start_of
from billing.pricing.models import Charge
from billing.pricing.terms import has_event_terms


@dataclass(frozen=True, slots=True)
class Part:
    """The usage of a service that a charge prices, of one version.

    With a ``value``, what has it in ``dimension``; else all that has none of the ``others``, which
    are priced by themselves.
    """

    service: Service = field(repr=False)
    dimension: str = ""
    value: str = ""
    others: tuple[str, ...] = ()
    by_event: bool = False  # each event has a price of its own

    @property
    def is_whole(self) -> bool:
        return not self.dimension and not self.by_event

    @property
    def filters(self) -> dict[str, Any]:
        if not self.dimension:
            return {}
        filter = {"$eq": self.value} if self.value else {"$nin": list(self.others)}
        return {self.dimension: filter}


@dataclass(frozen=True, slots=True)
class Figures:
    """What a part comes to in a period: its figure, or the quantities of its events in order."""

    figure: Decimal = ZERO
    events: tuple[Decimal, ...] = ()


def parts_of(charges: Sequence[Charge]) -> list[Part]:
    """Return what each charge of a version prices."""
    priced: defaultdict[int, list[Charge]] = defaultdict(list)
    for charge in charges:
        if charge.value:
            priced[charge.service_id].append(charge)
    return [_part(charge, priced[charge.service_id]) for charge in charges]


def _part(charge: Charge, priced: Sequence[Charge]) -> Part:
    by_event = has_event_terms(charge)
    if charge.value:
        return Part(charge.service, charge.dimension, charge.value, by_event=by_event)
    dimension = priced[0].dimension if priced else ""
    others = tuple(sorted(one.value for one in priced))
    return Part(charge.service, dimension, others=others, by_event=by_event)


def read(
    asked: Mapping[Part, Sequence[UUID]], *, days: Days, now: datetime
) -> dict[tuple[UUID, Part], Figures]:
    """Return what organisations used of parts, in one query for each part and time zone.

    The days are those of each organisation; a part that was not used is absent.
    """
    zones = zoning.of({owner for owners in asked.values() for owner in owners})
    found: dict[tuple[UUID, Part], Figures] = {}
    for part, owners in asked.items():
        by_zone: defaultdict[Any, list[UUID]] = defaultdict(list)
        for owner in owners:
            by_zone[zones.of(owner)].append(owner)
        for zone, those in by_zone.items():
            usage = _read(part, those, days=days, zone=zone, now=now)
            found |= {(owner, part): figures for owner, figures in usage.items()}
    return found


def _read(
    part: Part, owners: Sequence[UUID], *, days: Days, zone: ZoneInfo, now: datetime
) -> dict[UUID, Figures]:
    question = Query(
        service=part.service,
        owners=owners,
        first=days.starts_in(zone),
        # As in the daily tables, days that are still to come have not counted yet.
        end=min(days.ends_in(zone), start_of(day_of(now, zone) + ONE_DAY, zone)),
        by_owner=True,
        filters=part.filters,
    )
    if part.by_event:
        events = query.single_quantities(question)
        return {owner: Figures(events=tuple(each)) for owner, each in events.items()}
    rows = query.run(question, now=now)
    return {row.owner: Figures(row.value) for row in rows if row.owner is not None}
