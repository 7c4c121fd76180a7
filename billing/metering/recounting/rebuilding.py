"""Build the tables of usage anew from their events, beside the live ones; bring in what differs.

The new tables are copies in a schema of their own, where the saga's fold finds them first. They
have checkpoints of their own, which move with them, so a rebuild that was killed goes on where it
was; and they never overtake the live tables. At last one transaction takes both to one mark, while
the saga's workers wait, and makes the live rows what the new ones are. Readers never wait, and rows
that were right stay untouched.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import psycopg
from django.db import connection, models, transaction

from billing.metering import backlog, changed
from billing.metering.backlog import Backlog
from billing.metering.folding import saga
from billing.metering.folding.uncounted import UncountedDay
from billing.metering.models import Service
from billing.metering.recounting import replacing
from billing.metering.recounting.checking import Payloads
from billing.metering.restored import RESTORED
from billing.metering.usage_months import UsageMonth
from billing.metering.usage_tables import (
    DailyUsage,
    DimensionValue,
    HourlyUsage,
    PeakHour,
    PlatformUsage,
    UniqueValue,
    VoidedEvent,
)
from eventstore import feed, partition_reads
from eventstore.models import Checkpoint, StoredEvent

REST = 10_000  # events of a partition that workers may have to wait for
SCHEMA = "usage_rebuild"
CONSUMER = f"{saga.CONSUMER}-rebuild"
CHUNK = 1000  # payloads
TABLES: tuple[type[models.Model], ...] = (
    HourlyUsage,
    PeakHour,
    UniqueValue,
    DailyUsage,
    PlatformUsage,
    DimensionValue,
    VoidedEvent,
    UncountedDay,
)
BUILT: tuple[type[models.Model], ...] = (*TABLES, Backlog)

Watch = Callable[[int], object]
"""Told how many events are done."""


class AnotherRebuild(Exception):
    """Another rebuild is running, or was interrupted. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many events were folded, and how many rows and accounts were wrong before."""

    events: int
    rows: int
    accounts: int


def rebuild(
    service: Service | None,
    *,
    now: datetime,
    payloads: Payloads = (),
    watch: Watch = lambda done: None,
) -> Rebuilt:
    """Make the tables of a service, or of all, and the accounts what their events make of them.

    ``payloads`` are of archived events of which more is read than was kept. Can be killed at any
    time: run again, it goes on. Raises AnotherRebuild, and PoisonedEvent.
    """
    with _alone():
        _start(service, payloads)
        done = 0
        while True:
            done += _catch_up(watch, done)
            result = _bring_in(service, now=now)
            if result:
                rows, accounts = result
                return Rebuilt(done, rows, accounts)


def is_under_way() -> bool:
    """Return whether there are new tables, of a rebuild that runs or was interrupted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [SCHEMA])
        [found] = cursor.fetchone()
        return bool(found)


def drop() -> None:
    """Forget an interrupted rebuild. Raises AnotherRebuild where one is running."""
    with _alone(), transaction.atomic():
        backlog.let_definitions_stay()
        _drop()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock that the server lets go of with its connection, however this process ends."""
    with psycopg.connect(**connection.get_connection_params()) as db:
        [locked] = db.execute(
            "SELECT pg_try_advisory_xact_lock(hashtext(%s))", [SCHEMA]
        ).fetchone() or [False]
        if not locked:
            raise AnotherRebuild("Another rebuild is running: wait until it has ended.")
        yield


def _start(service: Service | None, payloads: Payloads) -> None:
    """Make the new tables, or find those of a rebuild that was interrupted."""
    scope = service.slug if service else ""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if is_under_way():
            cursor.execute(f"SELECT service FROM {SCHEMA}.scope")  # noqa: S608 (a constant)
            [other] = cursor.fetchone()
            if other != scope:
                raise AnotherRebuild(
                    f"A rebuild of {other or 'all services'} was interrupted: run it again to "
                    "finish it, or drop it with --drop."
                )
            return
        backlog.let_definitions_stay()
        Checkpoint.objects.filter(consumer=CONSUMER).delete()
        cursor.execute(f"CREATE SCHEMA {SCHEMA}")
        cursor.execute(f"CREATE TABLE {SCHEMA}.scope AS SELECT %s::text AS service", [scope])
        for model in BUILT:
            table = model._meta.db_table
            cursor.execute(f"CREATE TABLE {SCHEMA}.{table} (LIKE {table} INCLUDING ALL)")
        rows = iter(payloads)  # who makes them may ask this connection meanwhile
        while some := list(islice(rows, CHUNK)):
            cursor.execute(RESTORE, [list(column) for column in zip(*some, strict=True)])
        columns = [
            "coalesce(archived, data) AS data" if one.attname == "data" else one.attname
            for one in StoredEvent._meta.concrete_fields
        ]
        cursor.execute(EVENTS.format(columns=", ".join(columns)), [saga.CONSUMER])
        if service:
            cursor.execute(OTHERS_BACKLOG, [service.pk])
            cursor.execute(ONE_SERVICE, [service.pk])


def _drop() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    Checkpoint.objects.filter(consumer=CONSUMER).delete()


def _catch_up(watch: Watch, already: int) -> int:
    """Fold all that the live tables have; return how many events that took."""
    done, before = 0, -1
    while done > before:
        before = done
        marks = Checkpoint.objects.filter(consumer=saga.CONSUMER).order_by("partition")
        for partition, mark in marks.values_list("partition", "position"):
            done += _advance(partition, up_to=mark)
            watch(already + done)
    return done


def _advance(partition: int, *, up_to: int) -> int:
    return feed.consume(
        consumer=CONSUMER,
        partition=partition,
        handle=feed.SetHandler(_handle),
        limit=saga.BATCH,
        up_to=up_to,
    )


def _handle(window: feed.Window) -> None:
    with _new_tables_first():
        saga.write(window)


@contextmanager
def _new_tables_first() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path')")
        [path] = cursor.fetchone()
        cursor.execute("SELECT set_config('search_path', %s, true)", [f"{SCHEMA}, {path}"])
        yield  # after an error, the transaction's end takes the path back
        cursor.execute("SELECT set_config('search_path', %s, true)", [path])


def _bring_in(service: Service | None, *, now: datetime) -> tuple[int, int] | None:
    """Make the live rows what the new ones are; None where more is to be folded before that."""
    with transaction.atomic(durable=True):
        at = _lock_checkpoints()
        backlog.let_definitions_stay()
        windows = [_rest(partition, at) for partition in feed.partitions()]
        if any(window and window.count > REST for window in windows):
            return None
        for window in windows:
            if window:
                _handle(window)
        rows = sum(replacing.rows(model, schema=SCHEMA, service=service) for model in TABLES)
        rows += replacing.level_months(service)
        replacing.rows(Backlog, schema=SCHEMA, service=service)
        UsageMonth.objects.all().delete()  # of days that were wrong, perhaps
        if rows:
            changed.note_everyone()  # of hours as well, which days need not show
        accounts = replacing.account_months(schema=SCHEMA, service=service)
        if accounts:
            saga.meter_accounts(accounts, until_position=_last(at), now=now)
        _drop()
        return rows, len(accounts)


def _lock_checkpoints() -> dict[tuple[str, int], int]:
    """Stop the saga's workers until this transaction ends; return where all stand."""
    both = Checkpoint.objects.filter(consumer__in=(saga.CONSUMER, CONSUMER))
    locked = both.select_for_update().order_by("pk")
    return {(one.consumer, one.partition): one.position for one in locked}


def _last(at: dict[tuple[str, int], int]) -> int:
    return max((position for (name, _), position in at.items() if name == saga.CONSUMER), default=0)


def _rest(partition: int, at: dict[tuple[str, int], int]) -> feed.Window | None:
    """Return what the live tables have and the new ones have not; not more than is too much."""
    return partition_reads.window(
        partition=partition,
        after=at.get((CONSUMER, partition), 0),
        until=at.get((saga.CONSUMER, partition), 0),
        limit=REST + 1,
    )


# What an operator skipped stays skipped.
EVENTS = f"""
CREATE VIEW {SCHEMA}.eventstore_storedevent AS SELECT {{columns}}
FROM (
    SELECT stored.*, restored.data AS archived
    FROM eventstore_storedevent AS stored LEFT JOIN {RESTORED}
) AS stored
WHERE NOT EXISTS (
    SELECT FROM eventstore_deadletter AS skipped
    WHERE skipped.consumer = %s AND skipped.position = stored.position
)
"""  # noqa: S608 (constants only)
# An archive says the same for ever; but more of it may be read than at the last rebuild.
RESTORE = """
INSERT INTO billing_restoredpayload (organisation_id, position, data)
SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::jsonb[])
ON CONFLICT (organisation_id, position) DO UPDATE SET data = excluded.data
"""
# The others only say which events are not nobody's: no aggregation folds them.
ONE_SERVICE = f"""
CREATE VIEW {SCHEMA}.billing_counting AS
SELECT slug, service_id, is_level, is_count, event_type, keys, may_be_negative, starts_at, ends_at,
    dimensions, CASE WHEN service_id = %s THEN aggregation END AS aggregation, definition_id
FROM billing_counting
"""  # noqa: S608 (constants only)
OTHERS_BACKLOG = f"""
INSERT INTO {SCHEMA}.billing_backlog SELECT * FROM billing_backlog WHERE service_id <> %s
"""  # noqa: S608 (constants only)
