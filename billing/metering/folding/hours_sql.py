"""The SQL that adds up usage events by hour, written out for the definitions that there are. Pure.

What is read where is then a constant of the statement: a join with the definitions, whose columns
go from step to step with each event, took a third of the time that reading takes.

In a statement an event counts by one definition at most. Where several services count events of one
type, each but the first does so in a statement of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from billing.metering.events import VOIDED

Values = dict[str, Any]
Spans = Sequence[tuple["Counted", int]]


class Counted(NamedTuple):
    """How a definition counts a type of events, from a moment on to another, or for ever.

    ``keys`` lead to the quantity in their data; ``dimensions`` are JSON for ``billing_groups``. Up
    to the position ``after`` events are its backlog, which it does not count.
    """

    slug: str
    definition: int
    event_type: str
    starts_at: datetime
    ends_at: datetime | None
    keys: list[str] | None
    is_level: bool
    is_count: bool
    may_be_negative: bool
    dimensions: str | None
    after: int = 0

    def overlaps(self, other: "Counted") -> bool:
        """Say whether an event may count by both."""
        return (
            self.event_type == other.event_type
            and (other.ends_at is None or self.starts_at < other.ends_at)
            and (self.ends_at is None or other.starts_at < self.ends_at)
        )


def statements(
    counted: Iterable[Counted],
    which: str,
    *,
    elsewhere: Sequence[Counted] = (),
    quarters: Sequence[UUID],
    server: int,
) -> Iterator[tuple[str, Values]]:
    """Return SQL that adds up events, ``which`` gives them as ``event``, and values of its own.

    Its rows are organisation, definition, hour, groups, whether quantities could be read, their
    sum, the area, how many events, and the position of the first. What no definition counts,
    neither these nor those of ``elsewhere``, is in the rows of the first statement, without a
    definition. ``quarters`` are the organisations whose slots are quarters of an hour; ``server``
    is PostgreSQL's version as it counts it, 180006 for example.
    """
    first, *others = _layers(counted) or [[]]
    rest = [*(one for layer in others for one in layer), *elsewhere]
    for number, layer in enumerate([first, *others]):
        spans = [(one, one.definition) for one in layer]
        spans += [(one, ELSEWHERE) for one in rest if number == 0]
        values = {**_values(layer, spans), "quarters": list(quarters)}
        nobody = "NULL" if number == 0 else str(ELSEWHERE)
        definition = _definition(spans, nobody)
        sql = _statement(
            layer,
            definition,
            which,
            slot=SLOT if quarters else "interval '1 hour'",
            server=server,
        )
        yield sql, values


def _layers(counted: Iterable[Counted]) -> list[list[Counted]]:
    layers: list[list[Counted]] = []
    for one in counted:
        fitting = (layer for layer in layers if not any(map(one.overlaps, layer)))
        if (layer := next(fitting, None)) is None:
            layers.append(layer := [])
        layer.append(one)
    return layers


def _values(layer: Sequence[Counted], spans: Spans) -> Values:
    values: Values = {}
    for number, (one, _) in enumerate(spans):
        values[f"type_{number}"] = one.event_type
        values[f"starts_{number}"], values[f"ends_{number}"] = one.starts_at, one.ends_at
        values[f"after_{number}"] = one.after
    for one in layer:
        values[f"keys_{one.definition}"] = ["data", *(one.keys or ())]
        values[f"dimensions_{one.definition}"] = one.dimensions
    return values


def _statement(
    layer: Sequence[Counted],
    definition: str,
    which: str,
    *,
    slot: str,
    server: int,
) -> str:
    definitions = list({one.definition: one for one in layer}.values())
    path = _by_definition(definitions, lambda one: f"%(keys_{one.definition})s::text[]")
    negative = _is_one_of(one for one in definitions if one.may_be_negative)
    levels = [one for one in definitions if one.is_level]
    return HOURS.format(
        which=which,
        definition=definition,
        written=_by_definition(
            [one for one in definitions if not one.is_count],
            lambda one: f"data #>> %(keys_{one.definition})s::text[]",
        ),
        **_grouped([one for one in definitions if one.dimensions]),
        is_count=_is_one_of(one for one in definitions if one.is_count),
        **read_as(server, path=path, may_be_negative=negative),
        slot=slot,
        area=AREA.format(is_level=_is_one_of(levels), slot=slot) if levels else "0",
    )


def _definition(spans: Spans, nobody: str) -> str:
    """Return which definition counts an event of a type and a time; the first that does."""
    by_type: dict[str, list[str]] = {}
    for number, (one, counts) in enumerate(spans):
        ends = f" AND event.occurred_at < %(ends_{number})s" if one.ends_at else ""
        after = f" AND event.position > %(after_{number})s" if one.after else ""
        by_type.setdefault(one.event_type, [f"WHEN %(type_{number})s THEN CASE"]).append(
            f"WHEN event.occurred_at >= %(starts_{number})s{ends}{after} THEN {counts}"
        )
    types = [" ".join([*of_type, f"ELSE {nobody} END"]) for of_type in by_type.values()]
    types.append(f"WHEN '{VOIDED}' THEN {ELSEWHERE}")  # what takes back is nobody's usage
    return f"CASE event.data ->> 'type' {' '.join(types)} ELSE {nobody} END"


def _grouped(some: Sequence[Counted]) -> dict[str, str]:
    """Return SQL for the values of dimensions: nothing where no definition has any."""
    if not some:
        return {"groups": "", "as_text": "'{}'", "by_groups": ""}
    groups = _by_definition(
        some, lambda one: f"billing_groups(data -> 'data', %(dimensions_{one.definition})s::jsonb)"
    )
    return {
        "groups": f", ({groups})::jsonb AS groups",
        "as_text": "coalesce(groups::text, '{}')",
        "by_groups": "groups, ",
    }


def _by_definition(some: Sequence[Counted], text: Callable[[Counted], str]) -> str:
    if not some:
        return "NULL"
    cases = (f"WHEN {one.definition} THEN {text(one)}" for one in some)
    return f"CASE definition {' '.join(cases)} END"


def _is_one_of(some: Iterable[Counted]) -> str:
    ids = ", ".join(str(one.definition) for one in some)
    return f"definition IN ({ids})" if ids else "false"


# In the place of a definition: another statement counts the event, or pieces.py, or nobody has to.
ELSEWHERE = 0

SLOT = """CASE WHEN event.tenant_id = ANY(%(quarters)s::uuid[]) THEN interval '15 minutes'
    ELSE interval '1 hour' END"""

# Most quantities are written just as PostgreSQL writes the number, and with no more digits than the
# tables keep: of 14 characters 12 at most are after the point. All others are left to a function,
# which would take half of the time for these. To see by a regular expression that a text can be
# cast takes twice as long as to ask, to cast it and to write it again.
NUMBER = """CASE WHEN octet_length(written) <= 14
    AND ({may_be_negative} OR written COLLATE "C" >= '0') AND {is_safe}
    THEN written::numeric END"""
QUANTITY = """CASE WHEN {is_plain} THEN number
    ELSE billing_quantity(data #> {path}, {may_be_negative}) END"""
SAFE = "written <> '-Infinity' AND pg_input_is_valid(written, 'numeric')"
PLAIN = "number < 1e15 AND number::text = written"
# Before PostgreSQL 16, which cannot be asked.
SAFE_BEFORE = "written ~ '^-?[0-9]+([.][0-9]+)?$'"
PLAIN_BEFORE = "number IS NOT NULL"


def read_as(server: int, *, path: str, may_be_negative: str) -> dict[str, str]:
    """Return SQL for the number that is ``written``, if any, and for the quantity that it is."""
    safe, plain = (SAFE, PLAIN) if server >= 160000 else (SAFE_BEFORE, PLAIN_BEFORE)
    return {
        "number": NUMBER.format(is_safe=safe, may_be_negative=may_be_negative),
        "quantity": QUANTITY.format(is_plain=plain, path=path, may_be_negative=may_be_negative),
    }


# Microseconds to the hour's end: extract() gives an exact numeric.
AREA = """coalesce(sum(
        quantity * extract(epoch FROM hour + {slot} - occurred_at) * 1000000
    ) FILTER (WHERE {is_level} AND NOT is_void), 0)"""
# OFFSET 0 keeps the planner from writing an expression out at each of its uses, and reading as
# often.
HOURS = """
SELECT tenant_id, definition, hour, {as_text}, quantity IS NOT NULL,
    coalesce(sum(quantity) FILTER (WHERE NOT is_void), 0), {area},
    count(*) FILTER (WHERE NOT is_void), min(position)
FROM (
    SELECT *, CASE WHEN {is_count} THEN 1 ELSE {quantity} END AS quantity
    FROM (
        SELECT *, {number} AS number
        FROM (
            SELECT *, date_bin({slot}, occurred_at, 'epoch') AS hour,
                ({written})::text AS written{groups}
            FROM (
                SELECT event.tenant_id, event.position, event.occurred_at, event.is_void,
                    event.data, ({definition})::bigint AS definition
                FROM {which} WHERE event.type = 'usage.recorded' OFFSET 0
            ) AS event
            WHERE definition IS DISTINCT FROM 0 OFFSET 0
        ) AS event OFFSET 0
    ) AS event OFFSET 0
) AS event
GROUP BY tenant_id, definition, hour, {by_groups}quantity IS NOT NULL
"""
