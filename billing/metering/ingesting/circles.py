"""Refuse corrections that lead back to themselves: of events that replace each other none counts.

What a correction names may come later, and may have been corrected by then. So it is asked who
corrected the new one, who corrected that, and so on: where that leads to the event that the new one
names, it would close a circle.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple, cast
from uuid import UUID

from django.db import connection

from billing.metering.events import UsageRecorded, UsageVoided
from billing.metering.ingesting import corrections
from billing.metering.ingesting.batches import Batch
from billing.metering.ingesting.cloudevents import BadEvent
from billing.metering.names import uuid_of, void_id


class Name(NamedTuple):
    """How an event is known."""

    organisation_id: UUID
    source: str
    id: str


Corrected = Mapping[Name, Name]
"""Of events that were corrected, what corrected them."""


class InCircle(Exception):
    """Corrections of a batch lead back to themselves."""

    def __init__(self, bad: Collection[BadEvent]) -> None:
        self.bad = bad
        super().__init__(f"{len(bad)} corrections lead back to themselves.")


def refuse(batch: Batch) -> None:
    """Raise InCircle where a batch's corrections close circles: with what stands, or by themselves.

    Corrections of these organisations that come at once wait until the transaction ends: of two
    that name each other, the second finds the first.
    """
    named = {index: _named(batch, index) for index in sorted(batch.voids)}
    own = {index: _own(batch, index) for index in named}
    _wait_for_others({one.organisation_id for one in named.values()})
    corrected = _standing(named.values())
    stand = {index for index in named if corrected.get(named[index]) == own[index]}
    ahead, seen = set(own.values()), set[Name]()
    while ahead:
        seen |= ahead
        found = _standing(ahead)
        corrected |= found
        ahead = set(found.values()) - seen
    bad = []
    for index, name in named.items():
        if index not in stand and _leads(own[index], to=name, by=corrected):
            bad.append(BadEvent(index, _reason(name)))
        else:
            corrected.setdefault(name, own[index])
    if bad:
        raise InCircle(bad)


def _reason(name: Name) -> str:
    return (
        f"The event {name.id!r} of {name.source!r}, which it names, corrects it in turn, by itself "
        "or by others: none of them would count."
    )


def _named(batch: Batch, index: int) -> Name:
    stream, new = batch.voids[index]
    voided = cast(UsageVoided, new.event)
    return Name(stream.tenant_id, voided.source, voided.id)


def _own(batch: Batch, index: int) -> Name:
    stream, new = batch.appended[index]
    recorded = cast(UsageRecorded, new.event)
    return Name(stream.tenant_id, recorded.source, recorded.id)


def _wait_for_others(organisations: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        for one in sorted(organisations):  # one order, so that none waits for another for ever
            cursor.execute(LOCK, [f"corrections of {one}"])


def _standing(names: Collection[Name]) -> dict[Name, Name]:
    """Return which events corrected these, as far as they stand."""
    places = {(one.organisation_id, uuid_of(one.source), void_id(one.id)) for one in names}
    return {
        Name(owner, voided.source, voided.id): Name(owner, voided.by.source, voided.by.id)
        for (owner, *_), voided in corrections.taken_back(places)
        if voided.by
    }


def _leads(start: Name, *, to: Name, by: Corrected) -> bool:
    seen, at = {start}, by.get(start)
    while at is not None and at not in seen:
        if at == to:
            return True
        seen.add(at)
        at = by.get(at)
    return False


LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
