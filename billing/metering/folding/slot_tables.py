"""Fold services whose figures are no sums into the tables: see slots.py. Only the saga does.

The newest events of a slot are folded onto what stands of it. Where that is not exact, because an
event was taken back or a peak's change is older than what stands, the slot is deleted and folded
anew from all its events up to the batch's end. So the tables never depend on how events came.
Days follow from their hours, and the platform's days from how theirs changed.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from billing.metering.folding import groups, pieces, slot_days, slots
from billing.metering.folding.fold import Hour
from billing.metering.folding.pieces import Place
from billing.metering.folding.readings import Named
from billing.metering.folding.slots import PEAK, UNIQUE_COUNT, Piece, Slot
from billing.metering.folding.uncounted import Uncounted
from billing.metering.models import Service
from billing.metering.usage_tables import GROUPS_KEY_SQL
from billing.periods import Zones
from eventstore.feed import Window

ALL = ""  # in the place of groups: a peak's events of whatever groups

Services = Mapping[str, Service]
Slots = dict[Hour, Slot]


def fold(window: Window, taken_back: Named, services: Services, zones: Zones) -> Uncounted:
    """Fold a window's events, and what of earlier ones it took back; return what cannot be read."""
    own = {slug: one for slug, one in services.items() if not one.is_additive}
    if not own:
        return Counter()
    now = pieces.of_window(window, zones)
    before = pieces.of_events(taken_back, before=window, zones=zones)
    _fold(window, now.pieces, {place_of(one.hour) for one in before.pieces}, own, zones)
    now.unread.subtract(before.unread)
    return now.unread


def _fold(
    window: Window, found: Sequence[Piece], again: set[Place], own: Services, zones: Zones
) -> None:
    read = groups.bounded(found, _ids(own))
    came = _by_place(piece for piece in read if piece.event_count)
    if not came and not again:
        return
    before = slot_days.standing(came.keys() | again, own, zones)
    onward = {place: came[place] for place in came.keys() - again}
    folded, out_of_order = _fold_onto(onward, own)
    again |= out_of_order
    _delete(again, own)
    _write({**folded, **_fold_again(again, own, zones, until=window.until)}, own)
    slot_days.settle(before, own, zones, partition=window.partition)


def fold_organisation(
    organisation_id: UUID, services: Services, zones: Zones, *, until: int
) -> None:
    """Fold all hours of an organisation anew, but not its days: its slots are others now."""
    own = {slug: one for slug, one in services.items() if not one.is_additive}
    read = pieces.of_organisation(organisation_id, until=until, zones=zones).pieces
    _write(_fold_pieces(groups.bounded(read, _ids(own)), own), own)


def place_of(hour: Hour) -> Place:
    return Place(hour.organisation_id, hour.service, hour.starts_at)


def _ids(services: Services) -> dict[str, int]:
    return {slug: one.pk for slug, one in services.items()}


def _by_place(read: Iterable[Piece]) -> dict[Place, list[Piece]]:
    places: defaultdict[Place, list[Piece]] = defaultdict(list)
    for piece in read:
        places[place_of(piece.hour)].append(piece)
    return dict(places)


def _fold_onto(came: Mapping[Place, list[Piece]], services: Services) -> tuple[Slots, set[Place]]:
    """Fold pieces onto what stands; return the slots, and places where they cannot be folded so."""
    came = _counting_new_values(came, services)
    stand = _standing(came, services)
    folded: Slots = {}
    out_of_order = set()
    for place, read in came.items():
        try:
            folded |= _fold_place(place, read, services, stand)
        except slots.OutOfOrder:
            out_of_order.add(place)
    return folded, out_of_order


def _fold_again(
    places: Collection[Place], services: Services, zones: Zones, *, until: int
) -> Slots:
    read = pieces.of_slots(places, until=until, zones=zones).pieces
    return _fold_pieces(groups.bounded(read, _ids(services)), services)


def _fold_pieces(read: Iterable[Piece], services: Services) -> Slots:
    folded: Slots = {}
    for place, of_place in _counting_new_values(_by_place(read), services).items():
        folded |= _fold_place(place, of_place, services, {})
    return folded


def _fold_place(
    place: Place, read: Sequence[Piece], services: Services, stand: Mapping[Hour, Slot]
) -> Slots:
    aggregation = services[place.service].aggregation
    by_group: defaultdict[Hour, list[Piece]] = defaultdict(list)
    for piece in read:
        by_group[piece.hour].append(piece)
        if aggregation == PEAK:
            by_group[Hour(*place, ALL)].append(piece)
    return {
        hour: slots.fold(aggregation, some, onto=stand.get(hour), starts_at=place.starts_at)
        for hour, some in by_group.items()
    }


def _counting_new_values(
    came: Mapping[Place, list[Piece]], services: Services
) -> dict[Place, list[Piece]]:
    """Note the values of unique counts; give the pieces of those that are new a quantity of one."""
    keys = sorted(
        {
            (*piece.hour, piece.value)
            for place, read in came.items()
            if services[place.service].aggregation == UNIQUE_COUNT
            for piece in read
        }
    )
    if not keys:
        return dict(came)
    ids = _ids(services)
    slugs = {pk: slug for slug, pk in ids.items()}
    with connection.cursor() as cursor:
        cursor.execute(ADD_VALUES, _columns((key[0], ids[key[1]], *key[2:]) for key in keys))
        new = {
            (Hour(owner, slugs[service], hour, groups.canonical(text)), value)
            for owner, service, hour, text, value in cursor
        }
    counted: dict[Place, list[Piece]] = {}
    for place, read in came.items():
        counted[place] = []
        for piece in read:
            is_new = (piece.hour, piece.value) in new
            new.discard((piece.hour, piece.value))  # several definitions may read one value
            counted[place].append(piece._replace(quantity=piece.quantity + 1) if is_new else piece)
    return counted


def _standing(places: Collection[Place], services: Services) -> Slots:
    """Return what stands of slots."""
    if not places:
        return {}
    slugs = {one.pk: slug for slug, one in services.items()}
    with connection.cursor() as cursor:
        cursor.execute(STANDING, _place_columns(places, services))
        return {
            Hour(owner, slugs[service], hour, groups.canonical(text) if text else ALL): Slot(
                quantity, count, last_at, high
            )
            for owner, service, hour, text, quantity, count, last_at, high in cursor
        }


def _delete(places: Collection[Place], services: Services) -> None:
    if places:
        with connection.cursor() as cursor:
            for table in ("billing_hourlyusage", "billing_peakhour", "billing_uniquevalue"):
                cursor.execute(DELETE.format(table=table), _place_columns(places, services))


def _write(folded: Slots, services: Services) -> None:
    hours = sorted(hour for hour in folded if hour.groups != ALL)
    peaks = sorted(hour for hour in folded if hour.groups == ALL)
    with connection.cursor() as cursor:
        if hours:
            cursor.execute(WRITE_HOURS, _columns(_row(hour, folded, services) for hour in hours))
        if peaks:
            rows = (_row(hour, folded, services) for hour in peaks)
            cursor.execute(WRITE_PEAKS, _columns((*row[:3], *row[4:]) for row in rows))


def _row(hour: Hour, folded: Slots, services: Services) -> tuple[Any, ...]:
    slot = folded[hour]
    owner, slug, starts_at, text = hour
    return (
        *(owner, services[slug].pk, starts_at, text),
        *(slot.quantity, slot.event_count, slot.last_at, slot.high),
    )


def _place_columns(places: Collection[Place], services: Services) -> list[list[Any]]:
    return _columns((one[0], services[one.service].pk, one.starts_at) for one in sorted(places))


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


_PLACES = "unnest(%s::uuid[], %s::bigint[], %s::timestamptz[]) AS place (owner, service, starts_at)"
_OF_PLACE = "organisation_id = owner AND service_id = service AND hour = starts_at"
STANDING = f"""
WITH place AS MATERIALIZED (SELECT * FROM {_PLACES})
SELECT organisation_id, service_id, hour, groups::text, quantity, event_count, last_at, high
FROM place JOIN billing_hourlyusage ON {_OF_PLACE}
UNION ALL
SELECT organisation_id, service_id, hour, NULL, quantity, event_count, last_at, high
FROM place JOIN billing_peakhour ON {_OF_PLACE}
"""  # noqa: S608 (constants only)
DELETE = f"DELETE FROM {{table}} USING {_PLACES} WHERE {_OF_PLACE}"  # noqa: S608 (constants only)
ADD_VALUES = """
INSERT INTO billing_uniquevalue (organisation_id, service_id, hour, groups, value)
SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::jsonb[], %s::text[])
ON CONFLICT DO NOTHING RETURNING organisation_id, service_id, hour, groups::text, value
"""
_SLOT = """quantity = excluded.quantity, event_count = excluded.event_count,
    last_at = excluded.last_at, high = excluded.high"""
WRITE_HOURS = f"""
INSERT INTO billing_hourlyusage
    (organisation_id, service_id, hour, groups, quantity, area, event_count, last_at, high)
SELECT owner, service, hour, groups, quantity, 0, event_count, last_at, high FROM unnest(
    %s::uuid[], %s::bigint[], %s::timestamptz[], %s::jsonb[], %s::numeric[], %s::bigint[],
    %s::timestamptz[], %s::numeric[]
) AS slot (owner, service, hour, groups, quantity, event_count, last_at, high)
ON CONFLICT (organisation_id, service_id, hour, {GROUPS_KEY_SQL}) DO UPDATE SET {_SLOT}
"""  # noqa: S608 (constants only)
WRITE_PEAKS = f"""
INSERT INTO billing_peakhour
    (organisation_id, service_id, hour, quantity, event_count, last_at, high)
SELECT * FROM unnest(
    %s::uuid[], %s::bigint[], %s::timestamptz[], %s::numeric[], %s::bigint[], %s::timestamptz[],
    %s::numeric[]
)
ON CONFLICT (organisation_id, service_id, hour) DO UPDATE SET {_SLOT}
"""  # noqa: S608 (constants only)
