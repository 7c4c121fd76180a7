"""Which gap holds all readers up, since when, and whose open transaction keeps it."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from eventstore.models import Horizon

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Blocker:
    """A transaction that may own the missing position. A prepared one has a name and no pid."""

    pid: int | None
    state: str
    since: datetime
    database: str
    application_name: str

    def __str__(self) -> str:
        who = f"pid {self.pid}" if self.pid else "a prepared transaction"
        return f"{who} ({self.application_name or 'unnamed'}, {self.state} since {self.since})"


@dataclass(frozen=True, slots=True)
class Hold:
    """Readers wait before the position ``gap`` until the blockers' transactions are over."""

    gap: int
    since: datetime
    seconds: float
    blockers: list[Blocker]

    def __str__(self) -> str:
        names = ", ".join(map(str, self.blockers)) or "nobody that this role may see"
        return f"position {self.gap} is missing for {self.seconds:.1f} s, held by {names}"


def hold() -> Hold | None:
    """Return what holds the readers of all partitions up, or None. Advance the horizon first.

    The blockers of other roles are seen only with PostgreSQL's role pg_read_all_stats.
    """
    with connection.cursor() as cursor:
        cursor.execute(HELD)
        held = cursor.fetchone()
        if held is None:
            return None
        gap, since, seconds, fence = held
        cursor.execute(BLOCKERS, {"fence": fence})
        return Hold(gap, since, seconds, [Blocker(*row) for row in cursor])


def report_if_long(*, gap: int) -> None:
    """Log a hold that lasts longer than EVENTSTORE_HOLD_WARNING: once, whoever sees it first."""
    limit = timedelta(seconds=settings.EVENTSTORE_HOLD_WARNING)
    unreported = Horizon.objects.filter(
        position=gap - 1, hold_reported=False, held_since__lte=Now() - limit
    )
    if unreported.update(hold_reported=True):
        logger.warning("The feed waits: %s", hold() or f"position {gap} was missing until now")


HELD = """
SELECT position + 1, held_since,
    greatest(0, extract(epoch FROM clock_timestamp() - held_since))::float8, fence_xid::text
FROM eventstore_horizon WHERE fence_xid IS NOT NULL
"""

# Only who has a transaction id can own a position: a long read (a backend_xmin alone) is innocent.
# The ids of all databases count: a snapshot's xmin takes them in. Here they have 32 bits and no
# order but their age.
BLOCKERS = """
SELECT pid, coalesce(state, backend_type), coalesce(xact_start, backend_start),
    coalesce(datname, ''), application_name
FROM pg_stat_activity
WHERE age(backend_xid) > age(%(fence)s::xid8::xid) AND pid <> pg_backend_pid()
UNION ALL
SELECT NULL, 'prepared', prepared, database, gid
FROM pg_prepared_xacts WHERE age(transaction) > age(%(fence)s::xid8::xid)
ORDER BY 3
"""
