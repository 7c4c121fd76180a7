"""What services make of stored usage events: which count them, how much, and why others do not.

Whether an event counts, and for how much, is said by the view and the function that the saga reads
with; only where they say no is the reason put into words here.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec
from django.db import connection
from django.utils.translation import gettext

from billing.exact import in_units
from billing.metering.backlog import IN_BACKLOG
from billing.metering.events import VOIDED, EventName, Replacing
from billing.metering.inspecting import reasons
from billing.metering.inspecting.listing import StoredUsage
from billing.metering.models import Service
from billing.metering.names import void_id

ONE = Decimal(1)
State = Literal["counted", "not-counted", "voided", "correction"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a service makes of an event: a quantity, or the reason why it does not count it.

    To a count and a unique count an event is 1.
    """

    service: str  # slug
    name: str
    quantity: Decimal | None
    reason: str = ""
    unit: str = ""
    unit_size: Decimal = ONE

    @property
    def units(self) -> Decimal | None:
        """How many units that is, as the service shows them: 90 s are 0.025 h."""
        if self.quantity is None:
            return None
        return in_units(self.quantity, unit_size=self.unit_size)


@dataclass(frozen=True, slots=True)
class Voiding:
    """That an event was taken back: when, why, and by whom or by which event."""

    at: datetime
    reason: str
    actor: str | None = None
    by: EventName | None = None
    is_replaced: bool = False


@dataclass(frozen=True, slots=True)
class Explained:
    """A stored event, and what became of it."""

    stored: StoredUsage
    findings: Sequence[Finding]
    voided: Voiding | None = None

    @property
    def state(self) -> State:
        """Counted are events which every service that counts the type could read."""
        if self.voided is not None:
            return "voided"
        if self.stored.event.type == VOIDED:
            return "correction"
        counted = self.findings and all(one.quantity is not None for one in self.findings)
        return "counted" if counted else "not-counted"

    @property
    def corrects(self) -> Replacing | None:
        """Which event it voids or replaces, and why; not known once a void's data are archived."""
        event = self.stored.event
        if event.type != VOIDED:
            return event.replaces or None
        try:
            return msgspec.json.decode(event.data, type=Replacing)
        except msgspec.DecodeError:
            return None

    @property
    def counts_somewhere(self) -> bool:
        """Whether some service counts it, if not every one that knows its type."""
        return self.voided is None and any(one.quantity is not None for one in self.findings)

    @property
    def may_be_voided(self) -> bool:
        return self.state in ("counted", "not-counted")

    @property
    def reasons(self) -> list[str]:
        """Why it does not count, in words; nothing where it does."""
        if self.voided is not None:
            return [_taken_back(self.voided)]
        if self.state == "correction":
            return []
        if not self.findings:
            text = gettext("No service counts events of the type {type}.")
            return [text.format(type=self.stored.event.type)]
        return [f"{one.name}: {one.reason}" for one in self.findings if one.reason]


class _Match(NamedTuple):
    """A definition that has the event's type: that of the event's time, or one of another."""

    position: int
    service: str
    name: str
    aggregation: str
    in_force: bool
    starts_at: datetime
    path: str
    may_be_negative: bool
    value: str | None  # JSON
    quantity: Decimal | None
    unit: str  # of a level that of its height
    unit_size: Decimal
    in_backlog: bool


def explain(events: Sequence[StoredUsage]) -> list[Explained]:
    """Say of each event what became of it, by the definitions as they are now."""
    if not events:
        return []
    named = {
        "tenants": [one.organisation_id for one in events],
        "streams": [one.stream_id for one in events],
        "events": [one.event_id for one in events],
        "voids": [void_id(one.event.id) for one in events],
    }
    matches: defaultdict[int, list[_Match]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(MATCHES, named)
        for row in cursor.fetchall():
            match = _Match(*row)
            matches[match.position].append(match)
        cursor.execute(TAKEN_BACK, named)
        voided = {position: _voiding(*said) for position, *said in cursor.fetchall()}
    return [
        Explained(one, _findings(matches[one.place.position]), voided.get(one.place.position))
        for one in events
    ]


def _voiding(
    at: datetime, reason: str, actor: str | None, source: str | None, id: str, is_replaced: bool
) -> Voiding:
    by = None if source is None else EventName(source, id)
    return Voiding(at, reason, actor, by, is_replaced)


def _taken_back(voided: Voiding) -> str:
    if voided.by and voided.is_replaced:
        text = gettext("It was replaced by {id} of {source} at {at}: {why}")
    elif voided.by:
        text = gettext("It was voided by {id} of {source} at {at}: {why}")
    elif voided.is_replaced:
        text = gettext("It was replaced at {at}: {why}")
    else:
        text = gettext("It was voided at {at}: {why}")
    id, source = (voided.by.id, voided.by.source) if voided.by else ("", "")
    return text.format(id=id, source=source, at=_written(voided.at), why=voided.reason)


def _findings(matches: Sequence[_Match]) -> list[Finding]:
    """Let those definitions speak that are of the event's time; if there are none, the others."""
    in_force = [one for one in matches if one.in_force]
    if not in_force:
        others: dict[str, _Match] = {}
        for one in matches:
            others.setdefault(one.service, one)
        return [Finding(one.service, one.name, None, _other_time(one)) for one in others.values()]
    return [_finding(one, matches) for one in in_force]


def _finding(match: _Match, matches: Sequence[_Match]) -> Finding:
    if match.quantity is not None and match.in_backlog:
        return Finding(match.service, match.name, None, _came_before())
    if match.quantity is not None:
        return Finding(
            match.service, match.name, match.quantity, unit=match.unit, unit_size=match.unit_size
        )
    if match.aggregation == Service.Aggregation.UNIQUE_COUNT:
        why = reasons.no_value(match.value, path=match.path)
    else:
        why = reasons.unread(match.value, path=match.path, may_be_negative=match.may_be_negative)
    for other in matches:
        if other.service == match.service and other.quantity is not None:
            text = gettext(
                "The definition that starts at {at} reads {path}, but that of the event's time "
                "reads {own}."
            )
            at = _written(other.starts_at)
            why = f"{why} {text.format(at=at, path=other.path, own=match.path)}"
            break
    return Finding(match.service, match.name, None, why)


def _came_before() -> str:
    return gettext("It came before the service was defined, and counts once usage is rebuilt.")


def _other_time(match: _Match) -> str:
    return gettext(
        "Its definition of the event's time does not count this type; one that does starts at {at}."
    ).format(at=_written(match.starts_at))


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


EVENTS = """unnest(%(tenants)s::uuid[], %(streams)s::uuid[], %(events)s::uuid[], %(voids)s::uuid[])
    AS named (tenant, stream, id, void)
JOIN eventstore_storedevent AS event ON event.tenant_id = tenant AND event.stream_id = stream
    AND event.event_id = id"""
MATCHES = f"""
WITH counting AS MATERIALIZED (SELECT * FROM billing_counting)
SELECT event.position, counting.slug, service.name, counting.aggregation,
    event.occurred_at >= counting.starts_at AND event.occurred_at < counting.ends_at,
    counting.starts_at, array_to_string(counting.keys, '.'), counting.may_be_negative,
    (payload.data #> counting.keys)::text,
    CASE WHEN counting.is_count THEN 1
        WHEN counting.aggregation = 'unique_count' THEN
            CASE WHEN billing_value(payload.data #> counting.keys) IS NOT NULL THEN 1 END
        ELSE billing_quantity(payload.data #> counting.keys, counting.may_be_negative) END,
    CASE WHEN counting.is_level THEN service.level_unit ELSE service.unit END,
    CASE WHEN counting.is_level THEN service.level_unit_size ELSE service.unit_size END,
    {IN_BACKLOG}
FROM {EVENTS}
LEFT JOIN billing_restoredpayload AS restored ON restored.organisation_id = tenant
    AND restored.position = event.position
CROSS JOIN LATERAL (SELECT coalesce(restored.data, event.data) -> 'data' AS data) AS payload
JOIN counting ON counting.event_type = event.data ->> 'type'
JOIN billing_service AS service ON service.id = counting.service_id
ORDER BY event.position, service.name, counting.starts_at
"""  # noqa: S608 (constants only)
# The saga's table knows all that was taken back; the event says it at once, and by whom.
TAKEN_BACK = f"""
SELECT event.position, coalesce(void.recorded_at, noted.voided_at),
    coalesce(void.data ->> 'reason', noted.reason), void.metadata ->> 'actor',
    void.data -> 'by' ->> 'source', void.data -> 'by' ->> 'id',
    coalesce((void.data -> 'is_replaced')::boolean, false)
FROM {EVENTS}
LEFT JOIN eventstore_storedevent AS void ON void.tenant_id = tenant AND void.stream_id = stream
    AND void.event_id = named.void AND void.type = 'usage.voided'
LEFT JOIN billing_voidedevent AS noted ON noted.organisation_id = tenant
    AND noted.stream_id = stream AND noted.event_id = id
WHERE void.event_id IS NOT NULL OR noted.event_id IS NOT NULL
"""  # noqa: S608 (constants only)
