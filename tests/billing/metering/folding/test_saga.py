"""The saga on a database: from accepted usage to daily rows and billing accounts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.accounts.account import BillingAccount, account_id
from billing.metering.folding import saga
from billing.metering.folding.fold import fold
from billing.metering.folding.freshness import freshness
from billing.metering.models import Service
from billing.metering.querying.usage import period_figures
from billing.metering.usage_tables import DailyUsage
from billing.periods import month_of
from eventstore import feed, repository, store
from eventstore.events import StreamKey
from eventstore.models import Checkpoint, StoredEvent
from eventstore.store import Append, NewEvent
from tests.billing.metering.examples import measured
from tests.factories import make_organisation
from uploads.events import FileCompleted, FileDeleted, FileExpired, FilePartStored

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOUR_MICROSECONDS = 3_600_000_000


@pytest.fixture
def acme():
    return make_organisation("Acme")


def catch_up():
    for partition in feed.partitions():
        while saga.advance(partition=partition, limit=3):
            pass


def row(organisation, service, day=date(2026, 11, 1)):
    found = DailyUsage.objects.get(organisation=organisation, service__slug=service, day=day)
    return found.quantity, found.area, found.event_count


def file_event(organisation, event, at):
    key = StreamKey(organisation.id, organisation.id, "file")
    store.append([Append(key=key, events=[NewEvent(event=event, occurred_at=at)])])


def account_of(organisation):
    return repository.load(
        BillingAccount, tenant_id=organisation.id, stream_id=account_id(organisation.id)
    ).state


def test_counters_add_up_by_organisation_and_day(acme):
    other = make_organisation("Other")
    measured(acme, "execution-time", [("1.5", NOON), ("2", NOON + HOUR), ("4", NOON + 13 * HOUR)])
    measured(other, "execution-time", [("8", NOON)])
    catch_up()
    assert row(acme, "execution-time") == (Decimal("3.5"), 0, 2)
    assert row(acme, "execution-time", date(2026, 11, 2)) == (4, 0, 1)
    assert row(other, "execution-time") == (8, 0, 1)


def test_levels_keep_their_exact_integral(acme):
    measured(acme, "storage", [("1000", NOON), ("-400", NOON + 6 * HOUR)])
    catch_up()
    assert row(acme, "storage") == (600, (1000 * 12 - 400 * 6) * HOUR_MICROSECONDS, 2)


def test_a_batch_without_usage_is_asked_no_more_about(acme):
    measured(acme, "execution-time", [("1", NOON)])
    partition = StoredEvent.objects.get(type="usage.recorded").partition
    assert saga.advance(partition=partition) == 1
    with CaptureQueriesContext(connection) as asked:
        assert saga.advance(partition=partition) == 1  # what the saga told the billing account
    assert not [one for one in asked if "billing_service" in one["sql"]]


def test_a_large_batch_is_in_memory_in_parts_where_some_of_it_has_to_be(acme, monkeypatch):
    monkeypatch.setattr(saga, "AT_ONCE", 2)
    parts = []

    def noting(changes, zones):
        parts.append(list(changes))
        return fold(parts[-1], zones)

    monkeypatch.setattr(saga, "fold", noting)
    for hour in range(3):
        file_event(acme, stored(500), NOON + hour * HOUR)
    measured(acme, "storage", [("20", NOON)])
    assert saga.advance(partition=store.partition_of(acme.pk)) == 4
    assert row(acme, "storage") == (1520, (500 * 33 + 20 * 12) * HOUR_MICROSECONDS, 4)
    assert sum(map(len, parts)) == 3
    assert len(parts) == 2
    [months] = account_of(acme).months.values()
    assert months["storage"].quantity == 1520


def test_a_large_batch_of_sums_alone_is_added_up_at_once(acme, monkeypatch):
    monkeypatch.setattr(saga, "AT_ONCE", 2)
    measured(acme, "execution-time", [("1", NOON)] * 5)
    with CaptureQueriesContext(connection) as asked:
        assert saga.advance(partition=store.partition_of(acme.pk)) == 5
    assert sum("INSERT INTO billing_dailyusage" in one["sql"] for one in asked) == 1
    assert row(acme, "execution-time") == (5, 0, 5)


def stored(size):
    return FilePartStored(start=0, size=size, sha256="00", segment=UUID(int=1))


def test_bytes_of_uploads_are_stored_from_when_they_are_kept(acme):
    file_event(acme, stored(500), NOON)
    file_event(acme, FileCompleted(size=500), NOON + HOUR / 2)
    measured(acme, "storage", [("20", NOON)])
    file_event(acme, FileDeleted(size=500), NOON + HOUR)
    catch_up()
    assert row(acme, "storage") == (20, (500 + 20 * 12) * HOUR_MICROSECONDS, 3)


def test_a_setting_lets_them_count_only_once_they_are_files(acme, settings):
    settings.METER_UNFINISHED_UPLOADS = False
    file_event(acme, stored(500), NOON)
    file_event(acme, FileCompleted(size=500, shared=200), NOON + HOUR)
    file_event(acme, FileDeleted(size=500, shared=100, unfinished_size=0), NOON + 2 * HOUR)
    file_event(acme, FileExpired(unfinished_size=700), NOON + 2 * HOUR)
    catch_up()
    assert row(acme, "storage")[0] == 300 - 400


def test_bytes_that_another_file_has_do_not_count_again(acme):
    file_event(acme, stored(500), NOON)
    file_event(acme, FileCompleted(size=500), NOON)
    file_event(acme, FileCompleted(size=700, shared=700), NOON)
    catch_up()
    assert row(acme, "storage")[0] == 500
    file_event(acme, FileDeleted(size=500, shared=500), NOON)
    catch_up()
    assert row(acme, "storage")[0] == 500
    file_event(acme, FileDeleted(size=700, shared=200), NOON)  # which came twice in its list
    file_event(acme, FileExpired(unfinished_size=0), NOON)
    catch_up()
    assert row(acme, "storage")[0] == 0


def test_a_late_event_moves_the_day_that_it_belongs_to(acme):
    measured(acme, "execution-time", [("1", NOON)])
    catch_up()
    measured(acme, "execution-time", [("2", NOON - 36 * HOUR)])
    catch_up()
    assert row(acme, "execution-time", date(2026, 10, 31)) == (2, 0, 1)


def test_the_billing_account_knows_the_same_figures_as_the_daily_rows(acme):
    measured(acme, "storage", [("1000", NOON - 60 * 24 * HOUR), ("50", NOON), ("-30", NOON + HOUR)])
    measured(acme, "execution-time", [("1.5", NOON), ("2", NOON + HOUR)])
    catch_up()
    account, now = account_of(acme), NOON + 5 * HOUR
    figures = {
        figure.service_id: figure
        for figure in period_figures(days=month_of(now.date()), now=now, organisations=[acme.id])
    }
    storage = figures[Service.objects.get(slug="storage").pk]
    execution = figures[Service.objects.get(slug="execution-time").pk]
    assert account.level("storage") == storage.level == 1020
    assert account.integral("storage", now) == storage.figure
    assert storage.figure == (1000 * 17 + 50 * 5 - 30 * 4) * HOUR_MICROSECONDS
    assert account.counted("execution-time", now.date()) == execution.figure == Decimal("3.5")


def test_rewinding_the_checkpoint_alone_would_count_twice_so_it_moves_with_the_rows(acme):
    measured(acme, "execution-time", [("1", NOON)])
    catch_up()
    before = list(Checkpoint.objects.order_by("partition").values_list("position", flat=True))
    catch_up()
    assert row(acme, "execution-time") == (1, 0, 1)
    assert before == list(
        Checkpoint.objects.order_by("partition").values_list("position", flat=True)
    )


def test_freshness_says_since_when_events_wait(acme):
    now = datetime.now(UTC) + HOUR
    assert freshness(now).as_of == now
    measured(acme, "execution-time", [("1", NOON)])
    assert freshness(now).events_behind == 1
    assert freshness(now).as_of < now
    catch_up()
    assert freshness(now).events_behind == 0
