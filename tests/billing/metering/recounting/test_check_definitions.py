"""What operators' own definitions count is recounted: whatever is read, of any zone."""

from datetime import timedelta
from io import StringIO
from random import Random

import pytest
from django.core.management import call_command

from billing.metering import names
from billing.metering.models import Definition, Dimension, Service
from billing.metering.recounting import rebuilding
from billing.metering.recounting.checking import findings
from billing.metering.usage_months import UsageMonth
from billing.metering.usage_tables import (
    DailyUsage,
    DimensionValue,
    HourlyUsage,
    PeakHour,
    PlatformUsage,
    UniqueValue,
)
from catacloud.accounts.models import Organisation
from tests.billing.metering.examples import measured
from tests.billing.metering.recounting.folded import HOUR, NOON, catch_up, keep_months, void
from tests.billing.metering.sending import send
from tests.factories import make_organisation, make_service

pytestmark = pytest.mark.django_db(transaction=True)


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
        regions = ["x", "y" * 101, "y" * 102, names.as_kept("y" * 101)]
        users = ["ann", "bob", 7, 7.0, "7", "", None, "x" * 101, "sha256:", ["no"]]
        for organisation in (acme, make_organisation("Globex")):
            for n in range(60):
                at = NOON + dice.choice([0, 1, 7, 13, 24]) * HOUR
                at += timedelta(microseconds=dice.choice([0, 1, 3_599_999_999]))
                data = {
                    "n": dice.randint(-5, 5),
                    "who": dice.choice(users),
                    "r": dice.choice(regions),
                }
                send(organisation, (str(n), at, data))
                if dice.random() < 0.2:
                    void(organisation, str(dice.randrange(60)))
                if dice.random() < 0.3:
                    catch_up(limit=dice.choice([1, 5, 100]))
            catch_up()
        return acme

    def test_are_compared_as_well_and_named_where_they_are_wrong(self, used):
        self.assert_kept_months_are_compared()
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

    def assert_kept_months_are_compared(self):
        keep_months()
        assert list(findings()) == []
        UsageMonth.objects.update(figures={})
        found = [line.split(", ") for line in findings() if line.startswith("usage months: acme")]
        assert {service for _, service, *_ in found} == {"max", "latest", "peak", "unique_count"}
        UsageMonth.objects.all().delete()

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
        assert keep_months() == 4 * len(self.ZONES)
        assert list(findings()) == []
        assert HourlyUsage.objects.filter(hour__minute=15).exists()
        # Days of a slice are the organisations'.
        call_command("check_usage", "--from=2026-10-10", "--to=2026-11-12", stdout=StringIO())

        rebuilt = rebuilding.rebuild(None, now=NOON)
        assert (rebuilt.rows, rebuilt.accounts) == (0, 0)
        assert not UsageMonth.objects.exists()  # they are made anew of what is right for certain
        assert list(findings()) == []
