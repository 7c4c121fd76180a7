"""Every aggregation over days of 23 and 25 hours and leap days, with real corrections.

In any order the tables are the same, and what SQL of its own makes of the events.
"""

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest

from billing.metering.events import REPLACED, VOIDED
from billing.metering.folding import saga
from billing.metering.ingesting import ingestion
from billing.metering.models import Definition, Service
from billing.metering.recounting.checking import findings
from billing.metering.usage_tables import DailyUsage, HourlyUsage, PeakHour
from billing.periods import start_of
from catacloud.accounts.models import ApiKey, Organisation
from eventstore import feed
from tests.factories import make_organisation, make_service

pytestmark = pytest.mark.django_db(transaction=True)

ZONE = ZoneInfo("Europe/Berlin")
DAYS = [date(2026, 3, 29), date(2026, 10, 25), date(2028, 2, 29), date(2028, 3, 1)]
NOW = datetime(2030, 1, 1, tzinfo=UTC)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
KINDS = ["sum", "count", "max", "latest", "unique_count", "level", "peak"]


@pytest.fixture
def services():
    for kind in KINDS:
        service = make_service(slug=kind, aggregation=kind)
        Definition.objects.create(
            service=service,
            starts_at=BEGINNING + timedelta(seconds=1),
            event_types=["test.all"],
            quantity_path="" if kind == "count" else "n",
            allows_negative=kind in ("sum", "max", "latest"),
        )


def event(id, kind, at, data):
    named = {"specversion": "1.0", "id": id, "source": "s", "type": kind}
    return {**named, "time": at.isoformat(), "data": data}


def usage_and_corrections(dice):
    """Return usage at the edges of days and amid them, and what takes some of it back."""
    events = []
    for n in range(60):
        day = dice.choice(DAYS)
        start = start_of(day, ZONE)
        edges = [start, start_of(day + timedelta(days=1), ZONE)]
        at = dice.choice([*edges, start + dice.randrange(0, 25 * 4) * timedelta(minutes=15)])
        at += timedelta(microseconds=dice.choice([-1, 0, 0, 1]))
        events.append(event(str(n), "test.all", at, {"n": str(dice.randint(-5, 5))}))
        named = {"source": "s", "id": str(n), "reason": "wrong"}
        if n % 7 == 0:
            events.append(event(f"v{n}", VOIDED, at, named))
        elif n % 11 == 0:
            data = {**named, "type": "test.all", "data": {"n": "3"}}
            events.append(event(f"r{n}", REPLACED, at, data))
    return events


def send_and_fold(organisation, events, dice):
    key = ApiKey(organisation=organisation, prefix="tests")
    while events:
        size = dice.choice([1, 5, 20])
        batch, events = events[:size], events[size:]
        ingestion.accept(ingestion.parse(msgspec.json.encode(batch)), key=key, now=NOW)
        for partition in feed.partitions():
            while saga.advance(partition=partition, limit=dice.choice([1, 3, 50])):
                pass


def rows(organisation):
    return [
        sorted(
            map(repr, model._default_manager.filter(organisation=organisation).values_list(*names))
        )
        for model, names in (
            (HourlyUsage, ("service", "hour", "quantity", "area", "event_count", "high")),
            (DailyUsage, ("service", "day", "quantity", "area", "event_count", "high")),
            (PeakHour, ("service", "hour", "quantity", "high", "event_count")),
        )
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_come_out_the_same_in_any_order_and_as_sql_counts_them(services, seed):
    dice = Random(seed)
    events = usage_and_corrections(dice)
    found = []
    for name in ("Acme", "Globex"):
        organisation = make_organisation(name)
        Organisation.objects.filter(pk=organisation.pk).update(time_zone="Europe/Berlin")
        organisation.refresh_from_db()
        send_and_fold(organisation, dice.sample(events, len(events)), dice)
        found.append(rows(organisation))
    assert found[0] == found[1]
    assert len(found[0][1]) > len(KINDS)
    assert {one.slug for one in Service.objects.filter(dailyusage__isnull=False)} >= set(KINDS)
    assert list(findings()) == []
