"""Both real traces, sent by OpenMeter's client for Python, and read back with its query call and
as the pages read them: every daily figure equals an independent calculation from the CSV.
"""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone
from django.utils.text import slugify
from openmeter import Client

from billing.metering.models import Service
from billing.metering.querying.totals import daily_totals
from billing.metering.querying.usage import daily_figures
from billing.metering.traces import dlrm, gentd26
from billing.periods import Days
from catacloud.accounts.models import Organisation
from catacloud.accounts.organisations import create_missing
from eventstore.models import StoredEvent
from tests.billing.metering.trace_sums import execution_seconds, rows, stored_byte_microseconds

BATCH = 5000
START, END = datetime(2024, 11, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)


@pytest.fixture
def openmeter(address, platform):
    with Client(endpoint=address, token=platform) as client:
        yield client


@pytest.fixture
def send(openmeter, fold):
    """Return what sends the events of a trace to organisations that are there already."""

    def send(events):
        create_missing({event["subject"] for event in events}, now=timezone.now())
        for event in events:
            event["subject"] = slugify(event["subject"])
        for first in range(0, len(events), BATCH):
            openmeter.events.ingest_events(events[first : first + BATCH])
        fold()

    return send


@pytest.fixture
def daily(openmeter):
    """Return what queries a meter by day: {(organisation's name, day): value}, without zeros."""

    def daily(meter):
        names = dict(Organisation.objects.values_list("slug", "name"))
        result = openmeter.meters.query_json(
            meter, from_parameter=START, to=END, window_size="DAY", group_by=["subject"]
        )
        # As the JSON has it: the attribute row.value would be made a float.
        return {
            (names[row.subject], row.window_start.date()): Decimal(str(row["value"]))
            for row in result.data
            if row["value"]
        }

    return daily


def assert_on_pages(slug, expected):
    """Compare figures of organisations and of the platform, zeros left out, with what is right."""
    names = dict(Organisation.objects.values_list("id", "name"))
    service = Service.objects.get(slug=slug)
    days, now = Days(START.date(), END.date()), timezone.now()
    rows = daily_figures(service=service, days=days, now=now, organisations=list(names))
    found = {(row.organisation_id, row.day): row.figure for row in rows if row.figure}
    assert {(names[key], day): figure for (key, day), figure in found.items() if key} == expected
    totals = defaultdict(Decimal)
    for (_, day), figure in expected.items():
        totals[day] += figure
    found_of_all = daily_totals(services=[service], days=days, now=now)[service.pk]
    assert {row.day: row.figure for row in found_of_all if row.figure} == totals


def without_zeros(sums):
    return {key: value for key, value in sums.items() if value}


def test_execution_time_of_gentd26_is_exact_for_every_group_and_day(shared, send, daily):
    file = shared / "data/gentd26_requests.csv.gz"
    send(list(gentd26(rows(file))))
    expected = without_zeros(execution_seconds(file))
    assert StoredEvent.objects.filter(type="usage.recorded").count() == 26_823
    assert daily("execution-time") == expected
    assert_on_pages("execution-time", expected)


def test_stored_bytes_of_dlrm_are_exact_for_every_application_and_day(shared, send, daily):
    file = shared / "data/dlrm_instances.csv.gz"
    send(list(dlrm(rows(file))))
    expected = without_zeros(stored_byte_microseconds(file))
    assert daily("storage") == expected
    assert_on_pages("storage", expected)
