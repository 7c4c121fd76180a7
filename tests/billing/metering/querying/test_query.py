"""Queries: what the hours answer is what the events answer, and what is worked out by hand."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.metering.folding import saga
from billing.metering.models import Definition, Dimension, Service
from billing.metering.querying import query
from billing.metering.querying.asked import Query
from billing.metering.querying.windows import Size
from eventstore import feed
from tests.billing.metering.sending import send
from tests.factories import make_organisation, make_service
from tests.uploads.examples import add
from uploads import ending

pytestmark = pytest.mark.django_db

START = datetime(2026, 10, 24, tzinfo=UTC)  # clocks change in Berlin on the 25th
NOW = START + timedelta(days=4, minutes=7)
KINDS = Service.Aggregation.values
ids = count(1)


def fold():
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


@pytest.fixture
def services():
    """A service of each aggregation that counts the same events, by model: two are told apart.

    After a day and a half all of them count otherwise, without models.
    """
    made = {}
    for kind in KINDS:
        service = made[kind] = make_service(slug=f"q-{kind}", aggregation=kind)
        definition = Definition.objects.create(
            service=service,
            starts_at=datetime(2001, 1, 1, tzinfo=UTC),
            event_types=["test.q"],
            quantity_path="quantity",
            allows_negative=True,
        )
        Dimension.objects.create(definition=definition, name="model", path="model", at_most=2)
        Definition.objects.create(
            service=service,
            starts_at=START + timedelta(hours=36),
            event_types=["test.q"],
            quantity_path="quantity",
            allows_negative=True,
        )
    return made


minutes = st.integers(0, 3 * 24 * 60) | st.integers(0, 72).map(lambda hour: hour * 60)
usage = st.tuples(minutes, st.integers(-3, 5), st.sampled_from(["a", "b", "c", None]))
asked_hours = st.none() | st.integers(-2, 80)
queries = st.fixed_dictionaries(
    {
        "first": asked_hours,
        "end": asked_hours,
        "size": st.none() | st.sampled_from([Size.HOUR, Size.DAY, Size.MONTH]),
        "zone": st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles"]).map(ZoneInfo),
        "by_owner": st.booleans(),
        "by": st.sampled_from([(), ("model",)]),
        "filters": st.sampled_from([{}, {"model": {"$in": ["a", "…"]}}]),
    }
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(usage, min_size=1, max_size=12), st.lists(usage, max_size=5), queries)
def test_the_hours_answer_what_the_events_answer(services, first, second, asked):
    owners = [make_organisation(), make_organisation()]
    for owner, events in zip(owners, (first, second), strict=True):
        for minute, quantity, model in events:
            data = {"quantity": quantity} | ({"model": model} if model else {})
            send(owner, (str(next(ids)), START + timedelta(minutes=minute), data), kind="test.q")
    fold()
    hours = {"first": asked.pop("first"), "end": asked.pop("end")}
    asked |= {name: at if at is None else START + timedelta(hours=at) for name, at in hours.items()}
    for service in services.values():
        wanted = Query(service=service, owners=[owner.pk for owner in owners], **asked)
        by_hours = query.run(wanted, now=NOW)
        by_events = query.run(wanted, now=NOW, from_hours=False)
        assert by_hours == by_events, service.aggregation


class TestFigures:
    @pytest.fixture
    def owner(self, services):
        """Usage of half an hour, an hour, and a day after a start, and a level that stays."""
        owner = make_organisation("Acme")
        for minute, quantity in ((30, "5"), (90, "2.5"), (91, "2.5"), (24 * 60, "-4")):
            data = {"quantity": quantity, "model": "a"}
            send(owner, (str(minute), START + timedelta(minutes=minute), data), kind="test.q")
        fold()
        return owner

    @pytest.fixture
    def values(self, services, owner):
        def values(kind, **asked):
            wanted = Query(service=services[kind], owners=[owner.pk], **asked)
            return [row.value for row in query.run(wanted, now=NOW)]

        return values

    @pytest.mark.parametrize(
        ("kind", "days", "total"),
        [
            ("sum", ["10", "-4"], "6"),
            ("count", ["3", "1"], "4"),
            ("max", ["5", "-4"], "5"),
            ("latest", ["2.5", "-4"], "-4"),
            ("unique_count", ["2", "1"], "3"),
            ("peak", ["10", "6", "6", "6", "6"], "10"),
        ],
    )
    def test_are_those_of_the_aggregation(self, values, kind, days, total):
        assert values(kind, size=Size.DAY) == [Decimal(day) for day in days]
        assert values(kind) == [Decimal(total)]

    def test_are_of_what_was_before_the_end_alone(self, values):
        end = START + timedelta(minutes=90)  # just when the second event was
        for size in (None, Size.HOUR, Size.MINUTE):
            assert values("sum", end=end, size=size) == [5]
        assert values("sum", first=end, end=end + timedelta(minutes=1)) == [Decimal("2.5")]
        assert values("sum", first=START, end=START + timedelta(hours=1)) == [5]

    def test_of_a_level_are_its_integral_up_to_now(self, values):
        minute = 60_000_000
        first = 5 * (24 * 60 - 30) + Decimal("2.5") * (2 * 24 * 60 - 90 - 91)
        days = [first, *(Decimal(6 * minutes) for minutes in (1440, 1440, 1440, 7))]
        assert values("level", size=Size.DAY) == [day * minute for day in days]
        assert values("level") == [sum(days) * minute]

    def test_of_a_level_begin_with_what_was_before(self, values):
        noon = START + timedelta(days=1, hours=12)
        span = {"first": noon, "end": noon + timedelta(minutes=90)}
        assert values("level", **span) == [6 * 90 * 60_000_000]
        assert values("peak", **span) == [6]
        hours = values("level", size=Size.HOUR, **span)
        assert hours == [6 * 3_600_000_000, 6 * 1_800_000_000]

    def test_are_of_minutes(self, services, owner):
        wanted = Query(service=services["sum"], owners=[owner.pk], size=Size.MINUTE)
        rows = query.run(wanted, now=NOW)
        assert [row.value for row in rows] == [5, Decimal("2.5"), Decimal("2.5"), -4]
        assert rows[0].starts_at == START + timedelta(minutes=30)
        assert rows[0].ends_at == START + timedelta(minutes=31)

    def test_of_a_whole_span_say_from_which_minute_to_which(self, services, owner):
        [row] = query.run(Query(service=services["sum"], owners=[owner.pk]), now=NOW)
        assert (row.starts_at, row.ends_at) == (
            START + timedelta(minutes=30),
            START + timedelta(days=1, minutes=1),
        )

    def test_are_none_before_and_after_all_usage(self, services, owner):
        for first in (START - timedelta(days=9), START + timedelta(days=30)):
            end = first + timedelta(days=1)
            wanted = Query(service=services["sum"], owners=[owner.pk], first=first, end=end)
            assert query.run(wanted, now=NOW) == []


def test_at_the_moment_of_a_new_definition_it_is_that_which_counts(acme, services):
    change = START + timedelta(hours=36)  # from which on models are not told apart
    for id, at in (("before", change - timedelta(microseconds=1)), ("then", change)):
        send(acme, (id, at, {"quantity": 1, "model": "a"}), kind="test.q")
    fold()
    for size in (Size.MINUTE, Size.HOUR):  # from the events, and from the hours
        wanted = Query(service=services["sum"], owners=[acme.pk], size=size, by=["model"])
        rows = query.run(wanted, now=NOW)
        assert [row.groups["model"] for row in rows] == ["a", ""]


def test_what_came_before_a_service_was_defined_is_in_neither(acme):
    send(acme, ("early", START, {"quantity": 1}), kind="test.late")
    fold()
    service = make_service(slug="late")
    Definition.objects.create(
        service=service,
        starts_at=START - timedelta(hours=1),
        event_types=["test.late"],
        quantity_path="quantity",
    )
    send(acme, ("later", START, {"quantity": 2}), kind="test.late")
    fold()
    for size in (Size.MINUTE, Size.HOUR):
        wanted = Query(service=service, owners=[acme.pk], size=size)
        assert [row.value for row in query.run(wanted, now=NOW)] == [2]


def test_days_of_a_zone_are_its_own_over_a_change_of_clocks(services):
    owner, zone = make_organisation(), ZoneInfo("Europe/Berlin")
    expected = defaultdict(int)
    for hour in range(0, 72):
        at = START + timedelta(hours=hour, minutes=hour % 60)
        send(owner, (str(hour), at, {"quantity": 1}), kind="test.q")
        expected[at.astimezone(zone).date()] += 1
    fold()
    wanted = Query(service=services["count"], owners=[owner.pk], size=Size.DAY, zone=zone)
    rows = query.run(wanted, now=NOW)
    assert {row.starts_at.astimezone(zone).date(): row.value for row in rows} == expected
    assert [row.ends_at for row in rows[:-1]] == [row.starts_at for row in rows[1:]]


def test_hours_of_a_zone_with_half_hours_are_answered_by_the_events(services):
    owner, zone = make_organisation(), ZoneInfo("Asia/Kolkata")
    for id, minute in (("1", 29), ("2", 31)):
        send(owner, (id, START + timedelta(minutes=minute), {"quantity": 1}), kind="test.q")
    fold()
    wanted = Query(service=services["sum"], owners=[owner.pk], size=Size.HOUR, zone=zone)
    rows = query.run(wanted, now=NOW)
    assert [row.starts_at - START for row in rows] == [timedelta(minutes=m) for m in (-30, 30)]


@pytest.mark.parametrize("unfinished", [True, False])
def test_stored_files_are_answered_by_hours_and_events_alike(acme, settings, unfinished):
    now = START + timedelta(days=2)
    settings.METER_UNFINISHED_UPLOADS = unfinished
    file = add(acme, b"x" * 1000, now=START + timedelta(minutes=15))
    ending.delete(organisation=acme, upload_id=file, now=START + timedelta(hours=3, minutes=30))
    fold()
    storage = Service.objects.get(slug="storage")
    for size, first in ((Size.HOUR, None), (None, START + timedelta(hours=1)), (None, None)):
        wanted = Query(service=storage, owners=[acme.pk], size=size, first=first)
        by_hours = query.run(wanted, now=now)
        assert by_hours == query.run(wanted, now=now, from_hours=False)
        assert sum(row.value for row in by_hours) == 1000 * 60_000_000 * (195 if not first else 150)
    end = START + timedelta(minutes=20)
    wanted = Query(service=storage, owners=[acme.pk], end=end, size=Size.MINUTE)
    rows = query.run(wanted, now=now)
    assert [row.value for row in rows] == [1000 * 60_000_000] * 5
