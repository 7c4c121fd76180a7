"""What the saga wrote is compared with what its events make, and each thing that is wrong named."""

import re
from datetime import date
from itertools import count
from uuid import UUID

import pytest
from django.db import connection

from billing.metering.events import STREAM_TYPE, UsageRecorded
from billing.metering.folding import saga
from billing.metering.level_months import LevelMonth
from billing.metering.models import Service
from billing.metering.names import uuid_of
from billing.metering.recounting.checking import Slice, findings
from billing.metering.usage_months import UsageMonth
from billing.metering.usage_tables import DailyUsage, HourlyUsage, PlatformUsage
from catacloud.accounts.models import Organisation
from eventstore import feed, store
from eventstore.models import Checkpoint, StoredEvent
from tests.billing.metering.examples import measured
from tests.billing.metering.recounting.folded import HOUR, NOON, append, catch_up, keep_months
from uploads.events import FileCompleted, FilePartStored

pytestmark = pytest.mark.django_db(transaction=True)


def test_finds_nothing_where_all_is_well(used):
    assert list(findings()) == []


def test_counts_only_up_to_where_the_saga_has_come(used):
    measured(used, "execution-time", [("99", NOON)])
    assert list(findings()) == []


def test_takes_no_transaction_id_so_it_holds_no_consumer_up_at_a_gap(used):
    taken = []

    def look(what, done, total):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(backend_xid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            taken.extend(cursor.fetchone())

    assert list(findings(watch=look)) == []
    members = {store.partition_of(one.pk) for one in Organisation.objects.all()}
    assert taken == [0] * len(members)


@pytest.mark.parametrize("unfinished", [True, False])
def test_knows_the_setting_for_unfinished_uploads(acme, settings, unfinished):
    settings.METER_UNFINISHED_UPLOADS = unfinished
    part = FilePartStored(start=0, size=500, sha256="00", segment=UUID(int=1))
    append(acme, acme.id, "file", (part, NOON), (FileCompleted(size=300, shared=10), NOON + HOUR))
    catch_up()
    assert list(findings()) == []
    settings.METER_UNFINISHED_UPLOADS = not unfinished
    assert list(findings()) != []


@pytest.fixture
def nobodys(used):
    """A partition that no organisation is in."""
    members = {store.partition_of(one.pk) for one in Organisation.objects.all()}
    return next(one for one in feed.partitions() if one not in members)


def test_finds_rows_of_the_platform_in_a_partition_of_nobody(nobodys):
    row = PlatformUsage.objects.filter(service__slug="storage").earliest("pk")
    row.pk, row.partition = None, nobodys
    row.save()
    [finding] = findings()
    assert f"partition {nobodys}: " in finding


def test_finds_events_in_a_partition_of_nobody(nobodys):
    stray = next(
        one for one in map(uuid_of, map(str, count())) if store.partition_of(one) == nobodys
    )
    event = UsageRecorded(type="test.of-no-service", source="s", id="1")
    append(Organisation(id=stray), uuid_of("s"), STREAM_TYPE, (event, NOON))
    assert list(findings()) == []  # for nobody has folded it
    Checkpoint.objects.update_or_create(
        consumer=saga.CONSUMER,
        partition=nobodys,
        defaults={"position": StoredEvent.objects.latest("position").position},
    )
    [finding] = findings()
    assert finding.startswith("uncounted: no service, 2026-11-01: ")


def test_names_each_sum_that_was_changed_in_each_table(used):
    for model in (HourlyUsage, DailyUsage, PlatformUsage):
        for column in ("quantity", "area", "event_count"):
            row = model.objects.filter(service__slug="storage").earliest("pk")
            model.objects.filter(pk=row.pk).update(**{column: 123})
            finding, *others = findings()
            assert "storage, 2026-" in finding
            assert "is held, but the events make" in finding
            # The database itself brings what a day's level changes by into its month.
            assert len(others) == (model is DailyUsage and column == "quantity")
            assert all(re.match(r"level months: [a-z]+, storage", one) for one in others)
            model.objects.filter(pk=row.pk).update(**{column: getattr(row, column)})


def test_names_a_row_that_is_missing_and_one_that_is_too_many(used):
    HourlyUsage.objects.filter(
        service__slug="execution-time", organisation=used, hour=NOON
    ).delete()
    make = {"hour": NOON - 999 * HOUR, "groups": {}, "quantity": 5, "area": 0, "event_count": 1}
    service = Service.objects.get(slug="transfer")
    HourlyUsage.objects.create(organisation=used, service=service, **make)
    missing, extra = findings()
    assert missing.startswith("hours: acme, execution-time")
    assert "0 in 0 events is held" in missing
    assert extra.startswith("hours: acme, transfer")
    assert "5 in 1 event is held, but the events make 0 in 0 events." in extra


def test_names_a_month_of_a_level_that_is_wrong_missing_or_too_much(used):
    november = LevelMonth.objects.get(organisation=used, month="2026-11-01")
    LevelMonth.objects.filter(pk=november.pk).update(quantity=77)
    [finding] = findings()
    assert finding == (
        "level months: acme, storage, 2026-11: 77 is held, but the events make "
        f"{november.quantity.normalize():f}."
    )
    november.delete()
    transfer = Service.objects.get(slug="transfer")
    LevelMonth.objects.create(organisation=used, service=transfer, month=NOON, quantity=5)
    missing, extra = findings()
    assert "storage, 2026-11: 0 is held" in missing
    assert "transfer, 2026-11: 5 is held, but the events make 0." in extra
    assert list(findings(Slice(first=date(2026, 11, 2)))) == []  # of which it is not all


def test_names_a_kept_month_that_is_wrong_and_none_that_counts_no_more(used):
    assert keep_months() == 8
    assert list(findings()) == []
    row = UsageMonth.objects.get(organisation=used, month="2026-11-01")
    storage = str(Service.objects.get(slug="storage").pk)
    figure, _ = row.figures[storage]
    UsageMonth.objects.filter(pk=row.pk).update(figures={storage: [figure, "77"]})
    wrong, missing = sorted(findings(), reverse=True)
    assert wrong.startswith("usage months: acme, storage, 2026-11: ")
    assert "(level 77) is held" in wrong
    assert missing.startswith("usage months: acme, execution-time, 2026-11: 0 is held")
    assert list(findings(Slice(first=date(2026, 11, 2)))) == []  # of which it is not all
    measured(used, "transfer", [("9", NOON)])
    catch_up()
    assert list(findings()) == []


def test_names_a_month_of_an_account_that_is_wrong(used):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE eventstore_storedevent DISABLE TRIGGER events_never_change")
        cursor.execute(
            """UPDATE eventstore_storedevent SET data =
                jsonb_set(data, '{months,2026-11-01,execution-time,quantity}', '"7"')
            WHERE type = 'account.usage_metered' AND tenant_id = %s
                AND data #> '{months,2026-11-01,execution-time}' IS NOT NULL""",
            [used.id],
        )
        cursor.execute("ALTER TABLE eventstore_storedevent ENABLE TRIGGER events_never_change")
    [finding] = findings()
    assert finding.startswith("accounts: acme, execution-time, 2026-11: ")
