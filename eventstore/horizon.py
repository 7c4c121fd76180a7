"""The feed's horizon: up to which position no event can appear any more.

Positions are handed out before commit, so "everything after the last one I saw" loses an event
whose transaction commits later than one with a higher position. The rule here is contiguity with a
transaction fence. While positions follow each other, all of them are there. At a gap, the highest
position seen and the snapshot's xmax are kept as a fence: whoever owns a position below the fence
had its transaction id before it took the position, so below xmax. Once a later snapshot's xmin has
reached that xmax, all of those transactions are over, and what is missing then is dead.
"""

from dataclasses import dataclass

from django.db import connection

from eventstore.models import Horizon

WINDOW = 10_000  # positions that one look takes in


@dataclass(frozen=True, slots=True)
class Fence:
    position: int
    xid: int


@dataclass(frozen=True, slots=True)
class State:
    position: int
    fence: Fence | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What one statement, so one snapshot, sees beyond a position."""

    contiguous: int  # the last position before the first gap
    highest: int  # the highest position in the window
    xmin: int  # every transaction below it is over
    xmax: int  # no transaction at or above it had begun


def step(state: State, look: Look) -> State:
    """Return the state after a look. Pure; the proof is in the module's text."""
    fence = state.fence
    if fence and fence.xid > look.xmax:
        fence = None  # of another cluster, before a restore: its transactions mean nothing here
    if fence and look.xmin >= fence.xid:
        return State(max(fence.position, look.contiguous))
    if look.highest == look.contiguous:
        return State(look.contiguous)
    if fence is None or fence.position <= look.contiguous:
        fence = Fence(look.highest, look.xmax)
    return State(look.contiguous, fence)


def advance() -> int:
    """Move the horizon as far as is proven now, and return its position.

    Without a lock: what a look proves stays true, and the row is moved by compare-and-set. A lock
    would give this transaction an id of its own, and so hold up the very xmin that it waits for.
    """
    state = _read()
    while (after := step(state, _look(state.position))) != state:
        moved = Horizon.objects.filter(**_columns(state)).update(**_columns(after))
        state = after if moved else _read()
    return state.position


def _read() -> State:
    row, _ = Horizon.objects.get_or_create(id=1)
    if row.fence_position is None or row.fence_xid is None:
        return State(row.position)
    return State(row.position, Fence(row.fence_position, row.fence_xid))


def _columns(state: State) -> dict[str, int | None]:
    return {
        "position": state.position,
        "fence_position": state.fence.position if state.fence else None,
        "fence_xid": state.fence.xid if state.fence else None,
    }


def _look(position: int) -> Look:
    with connection.cursor() as cursor:
        cursor.execute(LOOK, {"position": position, "window": WINDOW})
        contiguous, highest, xmin, xmax = cursor.fetchone()
    return Look(contiguous, highest, xmin, xmax)


LOOK = """
WITH ahead AS (
    SELECT position, row_number() OVER (ORDER BY position) AS nth
    FROM eventstore_storedevent WHERE position > %(position)s ORDER BY position LIMIT %(window)s
)
SELECT
    coalesce(max(position) FILTER (WHERE position - nth = %(position)s), %(position)s),
    coalesce(max(position), %(position)s),
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint
FROM ahead
"""
