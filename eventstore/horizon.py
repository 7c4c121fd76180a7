"""The feed's horizon: up to which position no event can appear any more.

Positions are handed out before commit, so "everything after the last one I saw" loses an event
whose transaction commits later than one with a higher position. The rule here is contiguity with a
transaction fence. While positions follow each other, all of them are there. At a gap, the highest
position seen is kept, and a transaction id that is taken only then: the fence. Whoever owns a
position below had its id before it took the position, so its id is lower than the fence. Once a
later snapshot's xmin has reached the fence, all of those transactions are over, and what is missing
then is dead. The snapshot's own xmax would be no fence: it is one past the highest *completed*
transaction, and a writer that is still running may have a higher id than that.

Far behind, nobody has to look at all positions for gaps: a fence at the highest proves them all.
"""

from dataclasses import dataclass

from eventstore import holds
from eventstore.cursors import binary_cursor, own_transaction
from eventstore.models import Horizon

WINDOW = 10_000  # positions that one look takes in, the first of several
LONGEST = 16 * WINDOW  # that one takes in where those before it found no gap, nor reached the fence


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

    contiguous: int  # the last position before the first gap, or before the window's end
    highest: int  # the highest position of all
    xmin: int  # every transaction below it is over
    xid: int | None  # where these positions differ: a transaction id, taken after the snapshot

    @property
    def is_to_the_end(self) -> bool:
        return self.xid is None


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
    window = WINDOW
    while True:
        state, look = _look(window)
        after = step(state, look)
        if after == state or (_move(state, after) and look.is_to_the_end):
            break
        is_full = look.contiguous - state.position == window
        window = min(2 * window, LONGEST) if is_full else WINDOW
    if after.fence:
        holds.report_if_long(gap=after.position + 1)
    return after.position


def _look(window: int) -> tuple[State, Look]:
    """Return the state and what is beyond it, both of one snapshot."""
    with own_transaction(), binary_cursor() as cursor:
        cursor.execute(LOOK, {"window": window})
        row = cursor.fetchone()
    if row is None:
        Horizon.objects.get_or_create(id=1)
        return _look(window)
    position, fence_position, fence_xid, *seen = row
    fence = None if fence_xid is None else Fence(fence_position, fence_xid)
    return State(position, fence), Look(*seen)


def _move(state: State, after: State) -> bool:
    """Write the state after another one; False where that one does not stand any more."""
    with binary_cursor() as cursor:
        cursor.execute(MOVE, [*_columns(after), *_columns(state)])
        return bool(cursor.rowcount)


def _columns(state: State) -> tuple[int, int | None, int | None]:
    fence = state.fence
    return state.position, fence.position if fence else None, fence.xid if fence else None


# CASE evaluates lazily: only a look that sees a gap searches for its place, and only one that does
# not see the end takes a transaction id. Positions differ, so there is no gap where there are as
# many as there is room for.
AHEAD = """
SELECT position FROM eventstore_storedevent
WHERE position > (SELECT position FROM eventstore_horizon WHERE id = 1)
ORDER BY position LIMIT %(window)s
"""
LOOK = f"""
WITH look AS MATERIALIZED (
    SELECT
        horizon.*, greatest(newest, position) AS highest,
        CASE WHEN number = 0 THEN position WHEN number = last - position THEN last ELSE (
            SELECT coalesce(max(numbered.position), horizon.position)
            FROM (
                SELECT position, row_number() OVER (ORDER BY position) AS nth
                FROM ({AHEAD}) AS ahead
            ) AS numbered
            WHERE numbered.position - nth = horizon.position
        ) END AS contiguous
    FROM eventstore_horizon AS horizon, (
        SELECT count(*) AS number, max(position) AS last FROM ({AHEAD}) AS ahead
    ) AS seen, (
        SELECT max(position) AS newest FROM eventstore_storedevent
    ) AS stored
    WHERE horizon.id = 1
)
SELECT position, fence_position, fence_xid, contiguous, highest,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    CASE WHEN contiguous < highest THEN pg_current_xact_id()::text::bigint END
FROM look
"""  # noqa: S608 (constants only)

# A new fence at the same gap does not change since when readers wait. Nobody waits for the disk:
# what a crash forgets can be proven again, and what rests on it is later in the server's log, so
# once that is durable, this is.
MOVE = """
UPDATE eventstore_horizon AS horizon
SET position = after.position, fence_position = after.fence_position, fence_xid = after.fence_xid,
    held_since = CASE WHEN after.fence_xid IS NULL THEN NULL
        WHEN after.position = horizon.position AND held_since IS NOT NULL THEN held_since
        ELSE statement_timestamp() END,
    hold_reported = after.fence_xid IS NOT NULL AND after.position = horizon.position
        AND held_since IS NOT NULL AND hold_reported
FROM (VALUES (%s::bigint, %s::bigint, %s::bigint))
    AS after (position, fence_position, fence_xid)
WHERE (horizon.position, horizon.fence_position, horizon.fence_xid)
    IS NOT DISTINCT FROM (%s::bigint, %s::bigint, %s::bigint)
RETURNING set_config('synchronous_commit', 'off', true)
"""
