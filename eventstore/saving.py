"""The flows that save states as snapshots, where an aggregate's policy wants it. No I/O here."""

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from eventstore import reading, sql
from eventstore.aggregate import Aggregate
from eventstore.events import StreamKey
from eventstore.rows import encode_json
from eventstore.steps import ERRORS, Flow, Query

logger = logging.getLogger(__name__)

A = TypeVar("A", bound=Aggregate)


class Loaded(msgspec.Struct, Generic[A]):
    """An aggregate's state at a version of its stream; version 0 where there is no stream."""

    state: A
    version: int
    saved_version: int = 0  # of the newest snapshot, and when it was taken
    saved_at: datetime | None = None
    read_at: float = msgspec.field(default_factory=time.monotonic)  # without any cached state


class StateRow(msgspec.Struct):
    """A state on its way into the table of snapshots."""

    tenant: UUID
    stream: UUID
    version: int
    state: Any


def due(
    aggregate: type[A], loaded: Mapping[StreamKey, Loaded[A]], now: datetime | None
) -> dict[StreamKey, Loaded[A]]:
    """Return the states that are to be saved by the aggregate's policy."""
    return {
        key: one
        for key, one in loaded.items()
        if aggregate.snapshot.due(
            events=one.version - one.saved_version, elapsed=_elapsed(one.saved_at, now)
        )
    }


def save_or_warn(aggregate: type[A], due: Mapping[StreamKey, Loaded[A]]) -> Flow[None]:
    """Save states whose events are committed, so that no failure may pass for one of theirs."""
    try:
        yield from save(aggregate, due)
    except ERRORS as error:
        names = ", ".join(reading.name(key) for key in due)
        logger.warning("The state of %s was not saved; its events stand: %s", names, error)


def save(aggregate: type[A], due: Mapping[StreamKey, Loaded[A]]) -> Flow[None]:
    given = [
        StateRow(key.tenant_id, key.stream_id, one.version, one.state) for key, one in due.items()
    ]
    values = {"states": encode_json(given), "state_version": aggregate.state_version}
    rows = yield Query(sql.SAVE_SNAPSHOTS, values)
    taken: dict[tuple[UUID, UUID], datetime] = {(tenant, stream): at for tenant, stream, at in rows}
    for key, one in due.items():
        if at := taken.get((key.tenant_id, key.stream_id)):
            one.saved_version, one.saved_at = one.version, at


def _elapsed(since: datetime | None, now: datetime | None) -> timedelta | None:
    return now - since if since and now else None
