"""Change an organisation's time zone: its days and months are made anew, in one transaction.

They follow from its hours. Only where the slots themselves are others, because one of the two zones
has days that start between hours, these are folded again from the events. The platform's days are
UTC and stay; so do invoices, and what their periods come to now is corrected like late usage.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from billing.accounts.account import BillingAccount, account_id
from billing.metering.folding import groups, readings, saga, slot_days, slot_tables, tables
from billing.metering.folding.fold import ByMonth, Cell, Hour, Sums, by_day, by_month, fold, merge
from billing.metering.models import Service
from billing.metering.recounting import rebuilding
from billing.metering.usage_tables import DailyUsage, HourlyUsage, PeakHour, UniqueValue
from billing.periods import Zones, day_of, month_of, slot_of
from catacloud.accounts.models import Organisation
from eventstore import feed, repository, store
from eventstore.events import name_of
from eventstore.models import Checkpoint

Services = Mapping[str, Service]


def change(organisation: Organisation, *, time_zone: str, now: datetime) -> None:
    """Move an organisation to a time zone; no worker folds usage of its partition meanwhile.

    Raises AnotherRebuild while tables are rebuilt, for their days are of the zone before.
    """
    with transaction.atomic():
        until = _lock_checkpoints(organisation.pk)
        if rebuilding.is_under_way():
            raise rebuilding.AnotherRebuild(
                "Usage is being rebuilt: finish or drop that rebuild, then change the time zone."
            )
        stands = Organisation.objects.select_for_update().get(pk=organisation.pk)
        _set_zone(organisation, time_zone)
        before, zone = stands.zone, ZoneInfo(time_zone)
        zones = Zones({organisation.pk: zone})
        services = {one.slug: one for one in Service.objects.all()}
        if slot_of(before) != slot_of(zone):
            _fold_hours(organisation.pk, services, zones, until=until)
        months = _write_days(organisation.pk, services, zones)
        _correct_account(organisation.pk, months, until=until, now=now)


def _lock_checkpoints(organisation_id: UUID) -> int:
    """Let no worker go on, nor a rebuild; return up to where usage is folded."""
    partition = store.partition_of(organisation_id)
    found = Checkpoint.objects.filter(partition=partition, consumer__startswith=saga.CONSUMER)
    locked = {one.consumer: one.position for one in found.select_for_update().order_by("pk")}
    return locked.get(saga.CONSUMER, 0)


def _set_zone(organisation: Organisation, time_zone: str) -> None:
    """Say to the database's trigger that the rows follow, and change the zone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('catacloud.time_zone_of', %s, true)", [str(organisation.pk)]
        )
        Organisation.objects.filter(pk=organisation.pk).update(time_zone=time_zone)
        cursor.execute("SELECT set_config('catacloud.time_zone_of', '', true)")
    organisation.time_zone = time_zone


def _fold_hours(organisation_id: UUID, services: Services, zones: Zones, *, until: int) -> None:
    for model in (HourlyUsage, PeakHour, UniqueValue):
        model._default_manager.filter(organisation=organisation_id).delete()
    ids = {slug: one.pk for slug, one in services.items()}
    read = readings.of_organisation(organisation_id, until=until, zones=zones)
    files = feed.read_log(
        tenant_id=organisation_id,
        up_to_position=until,
        types=[name_of(one) for one in saga.FILE_EVENTS],
    )
    hours = merge(saga.total(groups.bounded(read.readings, ids)), fold(saga.changes(files), zones))
    tables.add_hours(hours, services=ids)
    slot_tables.fold_organisation(organisation_id, services, zones, until=until)


def _write_days(organisation_id: UUID, services: Services, zones: Zones) -> ByMonth:
    """Write all days anew from the hours; return the months of the billing account."""
    DailyUsage.objects.filter(organisation=organisation_id).delete()
    hours: defaultdict[Hour, Sums] = defaultdict(Sums)
    cells = set()
    slugs = {one.pk: slug for slug, one in services.items()}
    rows = HourlyUsage.objects.filter(organisation=organisation_id)
    for number, starts_at, quantity, area, count in rows.values_list(
        "service_id", "hour", "quantity", "area", "event_count"
    ).iterator():
        service = services[slugs[number]]
        if service.is_additive:
            hours[Hour(organisation_id, service.slug, starts_at)] += Sums(quantity, area, count)
        else:
            day = day_of(starts_at, zones.of(organisation_id))
            cells.add(Cell(organisation_id, service.slug, day))
    levels = frozenset(slug for slug, one in services.items() if one.is_level)
    days = by_day(hours, levels, zones)
    tables.add_days(days, services={slug: one.pk for slug, one in services.items()})
    slot_days.write(cells, services, zones)
    return by_month(days, levels, zones)


def _correct_account(organisation_id: UUID, months: ByMonth, *, until: int, now: datetime) -> None:
    """Meter by how much the billing account's months are others now."""
    account = repository.load(
        BillingAccount, tenant_id=organisation_id, stream_id=account_id(organisation_id)
    ).state
    changes: ByMonth = {organisation_id: {}}
    own = changes[organisation_id]
    for month, services in months.get(organisation_id, {}).items():
        own[month] = dict(services)
    for first, held in account.months.items():
        services = own.setdefault(month_of(first), {})
        for slug, sums in held.items():
            services[slug] = services.get(slug, Sums()) + -Sums(sums.quantity, sums.area)
    changed = {
        month: {slug: one for slug, one in services.items() if one.quantity or one.area}
        for month, services in own.items()
    }
    changed = {month: services for month, services in changed.items() if services}
    if changed:
        saga.meter_accounts({organisation_id: changed}, until_position=until, now=now)
