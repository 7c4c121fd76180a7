"""The feed's horizon: up to which position no event can appear any more.

Positions are handed out before commit, so "everything after the last one I saw" loses an event
whose transaction commits later than one with a higher position. The rule here is contiguity with a
transaction fence. While positions follow each other, all of them are there. At a gap, the highest
position seen is kept, and a transaction id that is taken only then: the fence. Whoever owns a
position below had its id before it took the position, so its id is lower than the fence. Once a
later snapshot's xmin has reached the fence, all of those transactions are over, and what is missing
then is dead. The snapshot's own xmax would be no fence: it is one past the highest *completed*
transaction, and a writer that is still running may have a higher id than that.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction
from django.db.models.functions import Now

from eventstore import holds
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
    xid: int | None  # at a gap: a transaction id, taken after the snapshot


def step(state: State, look: Look) -> State:
    """Return the state after a look. Pure; the proof is in the module's text."""
    if look.xid is None:
        return State(look.contiguous)
    fence = state.fence
    if fence and fence.xid > look.xid:
        fence = None  # of another cluster, before a restore: its transactions mean nothing here
    if fence and look.xmin >= fence.xid:
        return State(max(fence.position, look.contiguous))
    if fence is None or fence.position <= look.contiguous:
        fence = Fence(look.highest, look.xid)
    return State(look.contiguous, fence)


def advance() -> int:
    """Move the horizon as far as is proven now, and return its position.

    Without a lock: what a look proves stays true, and the row is moved by compare-and-set. Each
    look must be a transaction of its own, for a fence has to be an id that is taken only then;
    inside a transaction this raises RuntimeError.
    """
    state = _read()
    while (after := step(state, _look(state.position))) != state:
        moved = Horizon.objects.filter(**_columns(state)).update(**_columns(after), **_held(after))
        state = after if moved else _read()
    if state.fence:
        holds.report_if_long(gap=state.position + 1)
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


def _held(after: State) -> dict[str, Any]:
    """Return since when readers wait: a new fence at the same gap changes nothing."""
    if after.fence is None:
        return {"held_since": None, "hold_reported": False}
    same = models.Q(position=after.position, held_since__isnull=False)
    return {
        "held_since": models.Case(models.When(same, then="held_since"), default=Now()),
        "hold_reported": models.Case(models.When(same, then="hold_reported"), default=False),
    }


def _look(position: int) -> Look:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(LOOK, {"position": position, "window": WINDOW})
        return Look(*cursor.fetchone())


# CASE evaluates lazily: only a look that sees a gap takes a transaction id.
LOOK = """
WITH ahead AS (
    SELECT position, row_number() OVER (ORDER BY position) AS nth
    FROM eventstore_storedevent WHERE position > %(position)s ORDER BY position LIMIT %(window)s
), seen AS (
    SELECT
        coalesce(max(position) FILTER (WHERE position - nth = %(position)s), %(position)s)
            AS contiguous,
        coalesce(max(position), %(position)s) AS highest
    FROM ahead
)
SELECT contiguous, highest, pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    CASE WHEN contiguous < highest THEN pg_current_xact_id()::text::bigint END
FROM seen
"""
