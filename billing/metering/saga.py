"""The metrics saga: folds file and usage events into daily rows and billing accounts.

A batch writes its rows, its account events and its checkpoint in one transaction, so each event
counts exactly once, whoever runs the saga, however often, and wherever it is killed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from django.conf import settings
from django.db import connection

from billing.account import BillingAccount, Months, MonthSums, account_id
from billing.metering.events import UsageRecorded
from billing.metering.fold import ByMonth, Cell, Change, Sums, by_month, fold
from billing.metering.models import Service
from eventstore import feed, repository
from eventstore.events import Event, RecordedEvent
from uploads.events import FileCompleted, FileDeleted, FileExpired, FilePartStored

CONSUMER = "metrics"
FILES = "storage"  # the service that files count for
BATCH = 2000  # events


@dataclass(frozen=True, slots=True)
class Services:
    """The ids of services by slug, and which of them are levels."""

    ids: Mapping[str, int]
    levels: frozenset[str]


def advance(*, partition: int, limit: int = BATCH) -> int:
    """Fold the next events of a partition; return how many there were, 0 when it is up to date."""
    return feed.consume(consumer=CONSUMER, partition=partition, handle=handle, limit=limit)


def handle(events: Sequence[RecordedEvent]) -> None:
    """Write what a batch of events changes. Runs inside the checkpoint's transaction."""
    services = _services()
    days = fold(_changes(events, services))
    if not days:
        return
    _add_to_daily_rows(days, services)
    _meter_accounts(
        by_month(days, services.levels),
        until_position=events[-1].position,
        now=max(event.recorded_at for event in events),
    )


def _services() -> Services:
    rows = Service.objects.values_list("slug", "pk", "aggregation")
    return Services(
        ids={slug: pk for slug, pk, _ in rows},
        levels=frozenset(slug for slug, _, kind in rows if kind == Service.Aggregation.LEVEL),
    )


def _changes(events: Iterable[RecordedEvent], services: Services) -> Iterator[Change]:
    for recorded in events:
        match recorded.event:
            case UsageRecorded(service=service, quantity=quantity):
                pass
            case event:
                change = stored_bytes(event, unfinished=settings.METER_UNFINISHED_UPLOADS)
                if not change:
                    continue
                service, quantity = FILES, Decimal(change)
        yield Change(
            organisation_id=recorded.tenant_id,
            service=service,
            quantity=quantity,
            at=recorded.occurred_at,
            of_level=service in services.levels,
        )


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


def _add_to_daily_rows(days: Mapping[Cell, Sums], services: Services) -> None:
    # Sorted, so that workers which share rows lock them in one order and cannot deadlock.
    rows = [
        (cell.organisation_id, services.ids[cell.service], cell.day, *_columns(days[cell]))
        for cell in sorted(days)
    ]
    with connection.cursor() as cursor:
        cursor.execute(ADD, [list(column) for column in zip(*rows, strict=True)])


def _columns(sums: Sums) -> tuple[Decimal, Decimal, int]:
    return sums.quantity, sums.area, sums.event_count


def _meter_accounts(organisations: ByMonth, *, until_position: int, now: datetime) -> None:
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


ADD = """
INSERT INTO billing_dailyusage AS usage
    (organisation_id, service_id, day, quantity, area, event_count)
SELECT * FROM unnest(
    %s::uuid[], %s::bigint[], %s::date[], %s::numeric[], %s::numeric[], %s::bigint[]
)
ON CONFLICT (organisation_id, service_id, day) DO UPDATE SET
    quantity = usage.quantity + excluded.quantity,
    area = usage.area + excluded.area,
    event_count = usage.event_count + excluded.event_count
"""
