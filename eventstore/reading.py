"""Which events of a stream to read, and the errors of reading. No I/O here."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypedDict

import msgspec

from eventstore import sql
from eventstore.events import StreamKey
from eventstore.steps import Query, Row

CHUNK = 1000  # rows that a reader holds at a time


class ReadInterrupted(Exception):
    """The database was lost in the midst of reading: this is not the end of what there is."""

    def __init__(self, what: str, *, unit: str, after: int | None) -> None:
        where = "before anything was read" if after is None else f"after {unit} {after}"
        super().__init__(f"Reading {what} broke off {where}: it can be read again from there.")
        self.what, self.after = what, after


class Window(TypedDict, total=False):
    """Which of a stream's events, all of them by default, and in which order."""

    after_version: int
    up_to_version: int
    types: Collection[str]  # names as they are stored
    occurred_since: datetime
    occurred_before: datetime
    backwards: bool
    limit: int


class Reading(msgspec.Struct, frozen=True):
    """What is read: the query for a window of it, in the order of ``unit``, a column of events."""

    query: Callable[[Mapping[str, Any]], Query]
    window: Mapping[str, Any]
    what: str  # for errors
    unit: str
    after: int | None = None  # where it begins, for errors

    def page(self, size: int) -> Query:
        """Return the query for the first so many rows."""
        limit = self.window.get("limit")
        return self.query({**self.window, "limit": size if limit is None else min(size, limit)})

    def rest(self, page: Sequence[Row], size: int) -> "Reading | None":
        """Return what is left after a page that has room for so many rows; None where it is all."""
        limit = self.window.get("limit")
        left = None if limit is None else limit - len(page)
        if len(page) < size or left == 0:
            return None
        last = page[-1][_PLACES[self.unit]]
        backwards = self.window.get("backwards")
        bound = {f"up_to_{self.unit}": last - 1} if backwards else {f"after_{self.unit}": last}
        return msgspec.structs.replace(self, window={**self.window, **bound, "limit": left})


_PLACES = {"version": 2, "position": 3}  # among the columns of sql.EVENT

_CONDITIONS = {
    "after_version": "version > %(after_version)s",
    "up_to_version": "version <= %(up_to_version)s",
    "types": "type = ANY(%(types)s)",
    "occurred_since": "occurred_at >= %(occurred_since)s",
    "occurred_before": "occurred_at < %(occurred_before)s",
}


def of_stream(key: StreamKey, window: Window) -> Reading:
    """Return how to read the events of a stream in a window."""
    return Reading(partial(_query, key), dict(window), what=name(key), unit="version")


def _query(key: StreamKey, window: Mapping[str, Any]) -> Query:
    values: dict[str, Any] = {name: value for name, value in window.items() if value is not None}
    conditions = ["tenant_id = %(tenant)s", "stream_id = %(stream)s"]
    conditions += [condition for name, condition in _CONDITIONS.items() if name in values]
    order = "DESC" if window.get("backwards") else "ASC"
    text = " ".join(
        [
            *("SELECT", sql.EVENT, "FROM eventstore_storedevent"),
            *("WHERE", " AND ".join(conditions), "ORDER BY version", order),
            *(["LIMIT %(limit)s"] if "limit" in values else []),
        ]
    )
    if "types" in values:
        values["types"] = list(values["types"])
    return Query(text, values | {"tenant": key.tenant_id, "stream": key.stream_id})


def name(key: StreamKey) -> str:
    """Return how errors name a stream."""
    return f"{key.type} {key.stream_id}"
