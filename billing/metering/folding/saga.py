"""The metrics saga: folds file and usage events into hours, days and billing accounts.

A batch writes its rows, its account events and its checkpoint in one transaction, so each event
counts exactly once, whoever runs the saga, however often, and wherever it is killed. And whatever
order events come in, however they are batched, the rows are the same to the last digit: all events
of an organisation are in one partition, sums do not depend on order, and figures that are no sums
are folded anew where they would (slot_tables.py).

Usage is added up by the database (readings.py); what files store has rules, and is folded here.
Billing accounts know the sums; what is no sum is read from the tables (usage.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from functools import partial

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from billing.accounts.account import BillingAccount, Months, MonthSums, account_id
from billing.metering.events import UsageVoided
from billing.metering.folding import groups, readings, slot_tables, tables, uncounted, voids, zoning
from billing.metering.folding.fold import (
    ByMonth,
    Cell,
    Change,
    Hour,
    Sums,
    by_day,
    by_month,
    fold,
    merge,
)
from billing.metering.folding.readings import About, Named, Reading
from billing.metering.models import Service
from billing.periods import IN_UTC, Zones
from eventstore import feed, repository
from eventstore.events import Event, RecordedEvent
from eventstore.feed import Window
from uploads.events import FileCompleted, FileDeleted, FileExpired, FilePartStored

CONSUMER = "metrics"
FILES = "storage"  # the service that files count for
FILE_EVENTS = (FilePartStored, FileCompleted, FileDeleted, FileExpired)
FEW_EVENTS = (*FILE_EVENTS, UsageVoided)  # as the index billing_few_among_usage has them
BATCH = 160_000  # events; tasks begin with less, for others may wait (turns.py)
AT_ONCE = 40_000  # where some of them come into memory

_advancing: ContextVar[int | None] = ContextVar("_advancing", default=None)


def advance(*, partition: int, limit: int = BATCH) -> int:
    """Fold the next events of a partition; return how many there were, 0 when it is up to date."""
    token = _advancing.set(partition)
    try:
        return feed.consume(consumer=CONSUMER, partition=partition, handle=HANDLER, limit=limit)
    finally:
        _advancing.reset(token)


def advancing() -> int | None:
    """Return the partition that is being folded here: what is appended in it then is our own."""
    return _advancing.get()


def handle(window: Window) -> bool:
    """Write what a batch of events changes, if any. Runs inside the checkpoint's transaction."""
    if months := write(window):
        meter_accounts(months, until_position=window.until, now=window.recorded_at)
    return months is not None


def write(window: Window) -> ByMonth | None:
    """Write what a batch changes in the tables; return what it is for the billing accounts.

    It is None where the batch is of other events alone, as of the saga's own to these accounts.
    """
    about = readings.about(window, others=FEW_EVENTS)
    if not (about.has_usage or about.has_others):
        return None
    services = {one.slug: one for one in Service.objects.all()}
    zones = zoning.of_window(window) if about.some_have_zones else IN_UTC
    in_sql_alone = not about.has_others and all(one.is_additive for one in services.values())
    days: dict[Cell, Sums] = {}
    for part in [window] if in_sql_alone else feed.parts(window, limit=AT_ONCE):
        days = merge(days, _write_part(part, about, services, zones))
    return by_month(days, _levels(services), zones)


def _write_part(
    window: Window, about: About, services: Mapping[str, Service], zones: Zones
) -> dict[Cell, Sums]:
    """Write what a part of a batch changes; return its sums by day."""
    few = feed.read_window(window, types=FEW_EVENTS) if about.has_others else []
    taken_back = voids.note(few)
    unread = slot_tables.fold(window, taken_back, services, zones)
    some_are_void = about.some_are_void or about.has_others
    read, not_counted = _read(window, taken_back, zones, some_are_void=some_are_void)
    unread.update(not_counted)
    uncounted.add(unread, services={slug: one.pk for slug, one in services.items()})
    of_files = fold(changes(few), zones)
    return _add_up(window, read, of_files, services, zones, some_left=bool(taken_back))


def _read(window: Window, taken_back: Named, zones: Zones, *, some_are_void: bool) -> readings.Read:
    """Read a window's events, and less what of earlier ones it took back."""
    read = readings.of_window(window, zones, some_are_void=some_are_void)
    if not taken_back:
        return read
    back = readings.of_events(taken_back, before=window, zones=zones)
    read.uncounted.subtract(back.uncounted)
    return readings.Read(read.readings + [-one for one in back.readings], read.uncounted)


def _add_up(
    window: Window,
    read: Sequence[Reading],
    of_files: Mapping[Hour, Sums],
    services: Mapping[str, Service],
    zones: Zones,
    *,
    some_left: bool,
) -> dict[Cell, Sums]:
    levels = _levels(services)
    ids = {slug: one.pk for slug, one in services.items()}
    hours = merge(total(groups.bounded(read, ids)), of_files)
    if not hours:
        return {}
    days = by_day(hours, levels, zones)
    in_utc = by_day(hours, levels, zones, in_utc=True) if zones.named else days
    tables.add(hours, days, in_utc, services=ids, partition=window.partition)
    if some_left:
        tables.delete_empty(hours, days, in_utc, services=ids, partition=window.partition)
    return days


def _levels(services: Mapping[str, Service]) -> frozenset[str]:
    return frozenset(slug for slug, one in services.items() if one.is_level)


def total(read: Iterable[Reading]) -> dict[Hour, Sums]:
    """Add up what was read by hour and group."""
    hours: defaultdict[Hour, Sums] = defaultdict(Sums)
    for one in read:
        if one.sums.event_count:  # else all of it was taken back before it was read
            hours[one.hour] += one.sums
    return dict(hours)


HANDLER = feed.SetHandler(handle, stopped_by=(SoftTimeLimitExceeded,))


def changes(events: Iterable[RecordedEvent]) -> Iterator[Change]:
    for recorded in events:
        size = stored_bytes(recorded.event, unfinished=settings.METER_UNFINISHED_UPLOADS)
        if size:
            yield Change(recorded.tenant_id, FILES, Decimal(size), recorded.occurred_at, True)


def stored_bytes(event: Event, *, unfinished: bool) -> int:
    """Return by how many bytes an event changes what is stored, with or without what is unfinished.

    Bytes of an upload that becomes a file were there already: with them, its completion is none.
    """
    of_files, of_uploads = 0, 0
    match event:
        case FilePartStored(size=size, replaced_size=replaced):
            of_uploads = size - replaced
        case FileCompleted(size=size, shared=shared):
            of_files, of_uploads = size - shared, shared - size
        case FileDeleted(size=size, shared=shared, unfinished_size=rest):
            of_files, of_uploads = shared - size, -rest
        case FileExpired(unfinished_size=rest):
            of_uploads = -rest
    return of_files + of_uploads if unfinished else of_files


def meter_accounts(organisations: ByMonth, *, until_position: int, now: datetime) -> None:
    """Tell billing accounts of usage."""
    decisions = {}
    for organisation_id, months in organisations.items():
        sums: Months = {
            month.first: {
                service: MonthSums(one.quantity, one.area) for service, one in services.items()
            }
            for month, services in months.items()
        }
        key = repository.key_of(
            BillingAccount, tenant_id=organisation_id, stream_id=account_id(organisation_id)
        )
        decisions[key] = partial(
            BillingAccount.meter, months=sums, until_position=until_position, now=now
        )
    repository.execute_many(BillingAccount, decisions)
