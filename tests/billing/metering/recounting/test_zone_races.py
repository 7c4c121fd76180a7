"""An organisation's time zone changes while workers fold its usage: each of them on its own
connection, as workers are, and nothing is lost or counted in days of another zone."""

import threading
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from billing.metering.folding import saga
from billing.metering.recounting import time_zones
from billing.metering.usage_tables import DailyUsage
from eventstore import store
from tests.billing.metering.examples import measured
from tests.factories import make_organisation
from tests.races import run_at_once

START = datetime(2026, 10, 20, 23, 40, tzinfo=UTC)  # that hour is of two days in some zones
ZONES = ("Asia/Kathmandu", "America/New_York", "Asia/Kolkata", "Europe/Berlin")
EVENTS, BATCH = 120, 4


@pytest.mark.django_db(transaction=True)
def test_a_zone_changes_beside_workers_and_every_event_counts_once_on_its_day():
    acme = make_organisation("Acme")
    partition = store.partition_of(acme.pk)
    for service in ("execution-time", "storage"):
        measured(acme, service, [("1", START + timedelta(hours=n)) for n in range(EVENTS)])
    changed = threading.Event()

    def work():
        while saga.advance(partition=partition, limit=BATCH) or not changed.is_set():
            pass

    def change():
        try:
            for zone in ZONES:
                time_zones.change(acme, time_zone=zone, now=timezone.now())
        finally:
            changed.set()

    assert run_at_once(work, work, change, expected=()) == []
    while saga.advance(partition=partition):
        pass
    call_command("check_usage", stdout=StringIO())
    days = DailyUsage.objects.filter(organisation=acme, service__slug="execution-time")
    assert sum(days.values_list("event_count", flat=True)) == EVENTS
    # The first begins before the first event, and on the other clocks are put back.
    assert days.get(day=date(2026, 10, 21)).event_count == 23
    assert days.get(day=date(2026, 10, 25)).event_count == 25
