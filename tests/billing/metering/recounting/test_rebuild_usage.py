"""Tables are built anew beside the live ones, and come out the same, or put them right."""

import os
import signal
import time
from datetime import UTC, datetime
from io import StringIO
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from billing.accounts.account import BillingAccount, account_id
from billing.metering.changed import UsageChange
from billing.metering.folding import saga
from billing.metering.level_months import LevelMonth
from billing.metering.models import Definition, Service
from billing.metering.recounting import rebuilding
from billing.metering.recounting.checking import findings
from billing.metering.usage_tables import DailyUsage, HourlyUsage
from eventstore import repository
from eventstore.models import Checkpoint, StoredEvent
from tests.billing.metering.examples import measured
from tests.billing.metering.recounting.folded import HOUR, NOON, catch_up
from tests.billing.metering.sending import send, skip_the_last
from tests.factories import make_organisation, make_service
from tests.forked import Forked

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_rebuild_is_left():
    yield
    rebuilding.drop()


@pytest.fixture
def used(acme):
    tokens = make_service(slug="tokens")
    definition = Definition.objects.create(
        service=tokens, starts_at=NOON, event_types=["test.tokens"], quantity_path="n"
    )
    definition.dimensions.create(name="region", path="r", at_most=2)
    for organisation in (acme, make_organisation("Globex"), make_organisation("Initech")):
        measured(organisation, "storage", [(str(1000 - n), NOON + n * HOUR) for n in range(9)])
        measured(organisation, "execution-time", [("1.5", NOON), ("1e-12", NOON - 999 * HOUR)])
        send(organisation, *((str(n), NOON, {"n": n, "r": "zyxw"[n % 4]}) for n in range(9)))
    catch_up()
    return acme


def digests(*, numbered=False):
    """Return a digest of each table: of all its rows, with or without their own numbers."""
    found = {}
    with connection.cursor() as cursor:
        for model in rebuilding.TABLES:
            row = "to_jsonb(row)" if numbered else "(to_jsonb(row) - 'id')"
            cursor.execute(
                f"SELECT md5(string_agg({row}::text, '\n' ORDER BY {row}::text)) "
                f"FROM {model._meta.db_table} AS row"
            )
            [found[model.__name__]] = cursor.fetchone()
    return found


def test_makes_the_same_tables_and_leaves_right_rows_untouched(used):
    before = digests(numbered=True)
    result = rebuilding.rebuild(None, now=NOW)
    assert (result.rows, result.accounts) == (0, 0)
    assert result.events == StoredEvent.objects.count()  # those of accounts as well
    assert digests(numbered=True) == before
    assert list(findings()) == []


def test_puts_right_what_was_changed_is_missing_or_too_much(used):
    before = digests()
    HourlyUsage.objects.filter(service__slug="storage", hour=NOON).update(quantity=1, area=2)
    DailyUsage.objects.filter(service__slug="execution-time").delete()
    LevelMonth.objects.filter(organisation=used).update(quantity=7)
    LevelMonth.objects.exclude(organisation=used).earliest("pk").delete()
    tokens = Service.objects.get(slug="tokens")
    HourlyUsage.objects.create(
        organisation=used, service=tokens, hour=NOON, groups={}, quantity=1, area=0, event_count=1
    )
    assert list(findings()) != []
    assert rebuilding.rebuild(None, now=NOW).rows == 3 + 6 + 1 + 2
    assert digests() == before
    assert list(findings()) == []


def test_lets_all_periods_be_looked_at_again_where_an_hour_was_wrong(used):
    """Days are right, so nothing else tells that what is charged by its groups has changed."""
    HourlyUsage.objects.filter(service__slug="storage", hour=NOON).update(quantity=1)
    before = dict(UsageChange.objects.values_list("pk", "position"))
    rebuilding.rebuild(None, now=NOW)
    after = dict(UsageChange.objects.values_list("pk", "position"))
    assert before.keys() == after.keys()
    assert all(after[number] > before[number] for number in before)


def test_builds_from_nothing(used):
    before = digests()
    for model in rebuilding.TABLES:
        model._default_manager.all().delete()
    rebuilding.rebuild(None, now=NOW)
    assert digests() == before


def test_one_service_is_built_alone(used):
    HourlyUsage.objects.update(event_count=99)
    rebuilding.rebuild(Service.objects.get(slug="tokens"), now=NOW)
    right = HourlyUsage.objects.exclude(event_count=99).values_list("service__slug", flat=True)
    assert set(right) == {"tokens"}


def test_gives_accounts_the_difference(used):
    service = Service.objects.get(slug="execution-time")
    definition = Definition(
        service=service,
        starts_at=NOON - HOUR,
        event_types=["catacloud.execution.finished", "test.tokens"],
        quantity_path="n",
    )
    definition.save()  # as nobody may: from a moment that was counted by another one
    assert list(findings()) != []
    assert rebuilding.rebuild(service, now=NOW).accounts == 3
    assert list(findings()) == []
    account = repository.load(BillingAccount, tenant_id=used.id, stream_id=account_id(used.id))
    assert account.state.counted("execution-time", NOON.date()) == sum(range(9))
    assert rebuilding.rebuild(None, now=NOW).accounts == 0


def test_what_an_operator_skipped_stays_skipped(used):
    send(used, ("poison", NOON, {"n": 7, "r": "z"}))
    skip_the_last()
    assert list(findings()) == []
    assert rebuilding.rebuild(None, now=NOW).rows == 0


def test_the_live_tables_are_never_overtaken(used):
    before = digests()
    send(used, ("later", NOON, {"n": 7, "r": "z"}))
    rebuilding.rebuild(None, now=NOW)
    assert digests() == before
    catch_up()
    assert list(findings()) == []


def test_what_comes_between_catching_up_and_the_switch_is_folded_once(used, monkeypatch):
    monkeypatch.setattr(saga, "BATCH", 2)
    others = [make_organisation() for _ in range(8)]
    catch_up_first = rebuilding._catch_up

    def catch_up_and_fall_behind(watch, already):
        done = catch_up_first(watch, already)
        if others:  # one event of each, and many of the last
            events = [(others.pop(), 1) for _ in range(len(others))] + [(used, 5)]
            for organisation, count in events:
                measured(organisation, "storage", [("1", NOON)] * count)
            catch_up()
        return done

    monkeypatch.setattr(rebuilding, "_catch_up", catch_up_and_fall_behind)
    assert rebuilding.rebuild(None, now=NOW).rows == 0
    assert list(findings()) == []


def test_appends_and_workers_go_on_meanwhile(used):
    ended = Event()

    def use():
        try:
            while not ended.is_set():
                measured(used, "storage", [("1", NOON), ("-1", NOON + HOUR)])
                catch_up()
        finally:
            connection.close()

    using = Thread(target=use)
    using.start()
    for _ in range(3):
        rebuilt = rebuilding.rebuild(None, now=NOW)
        assert (rebuilt.rows, rebuilt.accounts) == (0, 0)
        assert list(findings()) == []
    ended.set()
    using.join()
    assert list(findings()) == []


def test_there_is_one_rebuild_at_a_time(used):
    with (
        rebuilding._alone(),
        pytest.raises(rebuilding.AnotherRebuild, match="Another rebuild is running"),
    ):
        rebuilding.rebuild(None, now=NOW)


class TestInterrupted:
    def test_it_goes_on_and_other_rebuilds_wait(self, used, monkeypatch):
        before = digests()
        monkeypatch.setattr(saga, "BATCH", 3)
        with pytest.raises(KeyboardInterrupt):
            rebuilding.rebuild(None, now=NOW, watch=self.interrupt_at(9))
        done = Checkpoint.objects.filter(consumer=rebuilding.CONSUMER, position__gt=0)
        assert done.exists()
        with pytest.raises(rebuilding.AnotherRebuild, match="of all services was interrupted"):
            rebuilding.rebuild(Service.objects.get(slug="tokens"), now=NOW)
        assert rebuilding.rebuild(None, now=NOW).events < StoredEvent.objects.count()
        assert digests() == before
        assert not Checkpoint.objects.filter(consumer=rebuilding.CONSUMER).exists()

    @staticmethod
    def interrupt_at(events):
        def watch(done):
            if done >= events:
                raise KeyboardInterrupt

        return watch

    def test_a_kill_changes_nothing(self, used, tmp_path):
        HourlyUsage.objects.update(event_count=99)
        kept = digests()
        environment = os.environ | {"DATABASE_URL": database_url()}
        process = Forked("-c", SLOW_REBUILD, environment=environment, session=True)
        deadline = time.monotonic() + 60
        while not Checkpoint.objects.filter(consumer=rebuilding.CONSUMER, position__gt=0).exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert digests() == kept
        total = StoredEvent.objects.count()
        call_command("rebuild_usage", stdout=(out := StringIO()))
        assert int(out.getvalue().split()[1]) < total
        assert list(findings()) == []


# A rebuild in batches of one event, so that it can be met in the middle.
SLOW_REBUILD = """
import django
django.setup()
from datetime import UTC, datetime
from billing.metering.folding import saga
from billing.metering.recounting import rebuilding
saga.BATCH = 1
rebuilding.rebuild(None, now=datetime(2026, 12, 1, tzinfo=UTC))
"""


def database_url():
    name = connection.settings_dict["NAME"]
    return urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl()


def test_the_command_says_what_it_did_and_what_there_is_not(used):
    HourlyUsage.objects.filter(service__slug="tokens").update(event_count=99)
    call_command("rebuild_usage", "--service=tokens", stdout=(out := StringIO()))
    assert "; 9 rows and 0 accounts were wrong, and are right now." in out.getvalue()
    with pytest.raises(CommandError, match="There is no service 'nothing'"):
        call_command("rebuild_usage", "--service=nothing")
    call_command("rebuild_usage", "--drop", stdout=StringIO())
