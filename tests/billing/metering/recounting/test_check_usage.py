"""What the saga wrote is compared with what its events make, and each thing that is wrong named."""

import re
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import count
from random import Random
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from billing.metering.events import STREAM_TYPE, UsageRecorded, UsageVoided
from billing.metering.folding import saga
from billing.metering.level_months import LevelMonth
from billing.metering.models import (
    DailyUsage,
    Definition,
    Dimension,
    DimensionValue,
    HourlyUsage,
    PeakHour,
    PlatformUsage,
    Service,
    UniqueValue,
)
from billing.metering.names import uuid_of
from billing.metering.recounting import rebuilding
from billing.metering.recounting.checking import Slice, findings
from catacloud.accounts.models import Organisation
from eventstore import feed, store
from eventstore.events import StreamKey
from eventstore.models import Checkpoint, StoredEvent
from eventstore.store import Append, NewEvent
from tests.billing.metering.examples import measured
from tests.billing.metering.sending import send
from tests.factories import make_organisation, make_service
from uploads.events import FileCompleted, FileDeleted, FileExpired, FilePartStored

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def acme():
    return make_organisation("Acme")


def catch_up(limit=7):
    for partition in feed.partitions():
        while saga.advance(partition=partition, limit=limit):
            pass


def append(organisation, stream_id, kind, *events):
    key = StreamKey(organisation.id, stream_id, kind)
    new = [NewEvent(event=event, occurred_at=at) for event, at in events]
    store.append([Append(key=key, events=new)])


def void(organisation, id):
    event = UsageVoided(source="s", id=id, reason="sent by mistake")
    append(organisation, uuid_of("s"), STREAM_TYPE, (event, NOON))


@pytest.fixture
def used(acme):
    """Some usage of every kind, of two organisations, over two months; folded in small batches."""
    late = NOON - timedelta(days=40, microseconds=1)
    for organisation in (acme, make_organisation("Globex")):
        measured(organisation, "storage", [("1000", NOON), ("-400", NOON + 6 * HOUR), ("7", late)])
        measured(organisation, "execution-time", [("1.5", NOON), ("1e-12", NOON + 13 * HOUR)])
        append(
            organisation,
            organisation.id,
            "file",
            (FilePartStored(start=0, size=500, sha256="00", segment=UUID(int=1)), late),
            (FileCompleted(size=500), NOON),
            (FileCompleted(size=700, shared=700), NOON),
            (FileDeleted(size=500, shared=100, unfinished_size=20), NOON + HOUR / 2),
            (FileExpired(unfinished_size=3), NOON + 3 * HOUR),
        )
    catch_up()
    return acme


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


class TestDefinitions:
    @pytest.fixture(autouse=True)
    def tokens(self):
        """A service whose second definition reads another field, and tells regions apart."""
        service = make_service(slug="tokens")
        definition = Definition.objects.create(
            service=service,
            starts_at=NOON,
            event_types=["test.tokens", "test.more"],
            quantity_path="n.deep",
            allows_negative=True,
        )
        Dimension.objects.create(definition=definition, name="region", path="at.r", at_most=2)
        return service

    def test_are_followed_with_their_dimensions_and_what_is_no_quantity(self, acme):
        quantities = [1, "-2.50", "1e31", None, True, "x", "0.0000000000001", "١", 10**30, 0]
        send(
            acme,
            *(
                (str(n), NOON + n * HOUR / 7, {"quantity": 5, "n": {"deep": q}, "at": {"r": r}})
                for n, q in enumerate(quantities)
                for r in ["eu", "us", "asia", None, ["x"]][n % 5 : n % 5 + 1]
            ),
        )
        send(acme, ("early", NOON - HOUR / 9, {"quantity": "5"}), kind="test.tokens")
        catch_up(limit=3)
        assert list(findings()) == []
        assert HourlyUsage.objects.filter(groups={"region": "…"}).exists()

    def test_a_value_that_was_forgotten_shows(self, acme):
        send(acme, ("1", NOON, {"n": {"deep": 1}, "at": {"r": "eu"}}))
        catch_up()
        DimensionValue.objects.all().delete()
        assert list(findings()) != []

    def test_what_was_taken_back_counts_no_more(self, acme):
        send(acme, *((str(n), NOON, {"n": {"deep": 2**n}}) for n in range(5)))
        void(acme, "0")
        catch_up(limit=100)
        void(acme, "3")
        void(acme, "sent later")
        catch_up()
        send(acme, ("sent later", NOON, {"n": {"deep": 1000}}))
        catch_up()
        assert list(findings()) == []
        assert sum(HourlyUsage.objects.values_list("quantity", flat=True)) == 2 + 4 + 16


class TestFiguresThatAreNoSums:
    @pytest.fixture
    def services(self):
        """A service of each kind, which reads what all others read."""
        kinds = {"max": "n", "latest": "n", "peak": "n", "unique_count": "who"}
        for kind, path in kinds.items():
            service = make_service(slug=kind)
            Service.objects.filter(pk=service.pk).update(aggregation=kind)
            definition = Definition.objects.create(
                service=service,
                starts_at=NOON - 99 * HOUR,
                event_types=["test.tokens"],
                quantity_path=path,
                allows_negative=kind != "peak",
            )
            definition.dimensions.create(name="region", path="r", at_most=2)

    @pytest.fixture
    def used(self, acme, services):
        """Events at few moments, out of order; some are taken back, before or after they came."""
        dice = Random(5)
        users = ["ann", "bob", 7, 7.0, "7", "", None, "x" * 101, "sha256:", ["no"]]
        for organisation in (acme, make_organisation("Globex")):
            for n in range(60):
                at = NOON + dice.choice([0, 1, 7, 13, 24]) * HOUR
                at += timedelta(microseconds=dice.choice([0, 1, 3_599_999_999]))
                data = {
                    "n": dice.randint(-5, 5),
                    "who": dice.choice(users),
                    "r": dice.choice("xyz"),
                }
                send(organisation, (str(n), at, data))
                if dice.random() < 0.2:
                    void(organisation, str(dice.randrange(60)))
                if dice.random() < 0.3:
                    catch_up(limit=dice.choice([1, 5, 100]))
            catch_up()
        return acme

    def test_are_compared_as_well_and_named_where_they_are_wrong(self, used):
        assert list(findings()) == []
        assert PeakHour.objects.count() > 5
        assert UniqueValue.objects.filter(value__startswith="sha256:").exists()
        for model, column, value, says in (
            (HourlyUsage, "high", 77, "hours: "),
            (HourlyUsage, "last_at", NOON - HOUR, "hours: "),
            (DailyUsage, "high", 77, "days: "),
            (PlatformUsage, "high", 77, "platform: peak, 2026-11-0"),
            (PeakHour, "high", 77, "peaks: "),
            (PeakHour, "event_count", 77, "peaks: "),
            (UniqueValue, "value", "mallory", "unique values: "),
        ):
            rows = model._default_manager.filter(service__slug__in=["peak", "unique_count"])
            row = rows.earliest("-service__slug" if model is UniqueValue else "service__slug", "pk")
            kept = getattr(row, column)
            rows.filter(pk=row.pk).update(**{column: value})
            found = list(findings())
            assert len(found) == 1, found
            assert found[0].startswith(says)
            rows.filter(pk=row.pk).update(**{column: kept})
        self.assert_values_that_are_told_apart_are_the_first()

    def assert_values_that_are_told_apart_are_the_first(self):
        value = DimensionValue.objects.filter(service__slug="max").earliest("pk")
        DimensionValue.objects.filter(pk=value.pk).update(value="w")
        found = [line for line in findings() if line.startswith("values: ")]
        assert len(found) == 2
        assert "region=w: a value of its own is held, but the events make none." in found[0]


class TestTimeZones:
    ZONES = ("Australia/Lord_Howe", "Asia/Kathmandu", "America/New_York", "Pacific/Apia", "UTC")

    @pytest.fixture
    def used(self):
        """Usage at the edges of days and of quarter hours, over changes of clocks and months."""
        tokens = make_service(slug="tokens")
        peak = make_service(slug="peak")
        Service.objects.filter(pk=peak.pk).update(aggregation="peak")
        for service in (tokens, peak):
            Definition.objects.create(
                service=service,
                starts_at=NOON - 9999 * HOUR,
                event_types=["test.tokens"],
                quantity_path="n",
                allows_negative=True,
            )
        dice = Random(3)
        for zone in self.ZONES:
            organisation = make_organisation(zone.split("/")[-1])
            Organisation.objects.filter(pk=organisation.pk).update(time_zone=zone)
            for n in range(30):
                at = NOON + dice.randrange(-40 * 24 * 4, 40 * 24 * 4) * HOUR / 4
                at += timedelta(microseconds=dice.choice([-1, 0, 1]))
                send(organisation, (str(n), at, {"n": dice.randint(-5, 5)}))
                measured(organisation, "storage", [(str(dice.randint(-99, 99)), at)])
        catch_up(limit=11)

    def test_are_followed_by_days_months_and_slots_and_by_a_rebuild(self, used):
        assert list(findings()) == []
        assert HourlyUsage.objects.filter(hour__minute=15).exists()
        # Days of a slice are the organisations'.
        call_command("check_usage", "--from=2026-10-10", "--to=2026-11-12", stdout=StringIO())

        rebuilt = rebuilding.rebuild(None, now=NOON)
        assert (rebuilt.rows, rebuilt.accounts) == (0, 0)
        assert list(findings()) == []


class TestTheCommand:
    def test_says_that_all_is_well(self, used):
        out = StringIO()
        call_command("check_usage", stdout=out)
        assert out.getvalue() == "Usage is as its events make it.\n"

    def test_writes_a_line_per_finding_and_fails(self, used):
        HourlyUsage.objects.update(event_count=99)
        out = StringIO()
        with pytest.raises(CommandError, match=r"^\d+ findings\.$") as error:
            call_command("check_usage", stdout=out)
        lines = out.getvalue().splitlines()
        assert str(error.value) == f"{len(lines)} findings."
        assert len(lines) == HourlyUsage.objects.count()

    def test_looks_only_at_the_slice_that_is_asked_for(self, used):
        HourlyUsage.objects.update(event_count=99)
        for arguments, found in (
            (["--organisation=acme"], 6),
            (["--organisation=globex", "--service=storage"], 4),
            (["--service=transfer"], 0),
            (["--organisation=acme", "--from=2026-11-02"], 1),
            (["--organisation=acme", "--to=2026-11-01", "--service=storage"], 4),
            (["--organisation=acme", "--from=2026-09-22", "--to=2026-10-31"], 1),
        ):
            out = StringIO()
            try:
                call_command("check_usage", *arguments, stdout=out)
            except CommandError:
                assert len(out.getvalue().splitlines()) == found
            else:
                assert not found

    def test_a_slice_that_begins_within_a_month_leaves_its_account_alone(self, used):
        for days in (["--from=2026-11-01"], ["--from=2026-10-15", "--to=2026-11-01"]):
            out = StringIO()
            call_command("check_usage", *days, stdout=out)  # raises where it finds something
            assert out.getvalue() == "Usage is as its events make it.\n", days

    def test_says_what_there_is_not(self):
        for arguments, says in (
            (["--organisation=nobody"], "There is no organisation 'nobody'."),
            (["--service=nothing"], "There is no service 'nothing'."),
            (["--from=2026-11-02", "--to=2026-11-01"], "There are no days from"),
        ):
            with pytest.raises(CommandError, match=says):
                call_command("check_usage", *arguments)
