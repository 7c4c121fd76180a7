"""What definitions say of events: which count, how much they read, and how they are told apart."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import msgspec
import pytest

from billing.metering import names
from billing.metering.events import STREAM_TYPE, UsageVoided
from billing.metering.folding import saga
from billing.metering.ingesting import ingestion
from billing.metering.models import Definition, Dimension
from billing.metering.names import uuid_of
from billing.metering.services.meters import MOST_GROUPS
from billing.metering.usage_tables import DailyUsage, HourlyUsage, PlatformUsage
from catacloud.accounts.models import ApiKey
from eventstore import feed, store
from eventstore.events import StreamKey
from eventstore.store import Append, NewEvent
from tests.factories import make_organisation, make_service

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TYPE = "test.tokens"


@pytest.fixture
def acme():
    return make_organisation("Acme")


@pytest.fixture
def tokens():
    return make_service(slug="tokens")


def send(organisation, *events, kind=TYPE):
    """Send data at times, each with the number of its event as the id."""
    batch = [
        {"specversion": "1.0", "id": id, "source": "s", "type": kind, "time": at, "data": data}
        for id, at, data in events
    ]
    key = ApiKey(organisation=organisation, prefix="tests")
    ingestion.accept(ingestion.parse(msgspec.json.encode(batch)), key=key, now=NOON + 99 * HOUR)


def void(organisation, id):
    key = StreamKey(organisation.id, uuid_of("s"), STREAM_TYPE)
    event = UsageVoided(source="s", id=id, reason="sent by mistake")
    store.append([Append(key=key, events=[NewEvent(event=event, occurred_at=NOON)])])


def catch_up(limit=100):
    for partition in feed.partitions():
        while saga.advance(partition=partition, limit=limit):
            pass


def used(service):
    rows = HourlyUsage.objects.filter(service=service).order_by("hour", "groups")
    return [(row.hour, row.groups, row.quantity, row.event_count) for row in rows]


def total(service):
    """Return the figure that hours, days and the platform agree on."""
    found = [
        sum(model.objects.filter(service=service).values_list("quantity", flat=True))
        for model in (HourlyUsage, DailyUsage, PlatformUsage)
    ]
    assert len(set(found)) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("quantity", "read"),
    [
        ("12.5", "12.5"),
        (12.5, "12.5"),
        ("1e3", 1000),
        (10**30, 10**30),
        ("0.000000000001", "0.000000000001"),
        ("1.5000000000000000", "1.5"),
        (0, 0),
    ],
)
def test_a_quantity_is_read_exactly(acme, tokens, quantity, read):
    send(acme, ("1", NOON, {"quantity": quantity}))
    catch_up()
    assert used(tokens) == [(NOON, {}, Decimal(read), 1)]


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"quantity": None},
        {"quantity": True},
        {"quantity": [1]},
        {"quantity": "many"},
        {"quantity": "NaN"},
        {"quantity": " 1"},
        {"quantity": "1e31"},
        {"quantity": "0.0000000000001"},
        {"quantity": -1},
    ],
)
def test_what_is_no_quantity_does_not_count_and_stops_nothing(acme, tokens, data):
    send(acme, ("1", NOON, data), ("2", NOON, {"quantity": 1}))
    catch_up()
    assert total(tokens) == 1


def test_a_count_reads_no_quantity(acme, tokens):
    tokens.aggregation = "count"
    tokens.save()
    send(acme, ("1", NOON, None), ("2", NOON, {"quantity": "many"}))
    catch_up()
    assert total(tokens) == 2


def test_several_services_count_one_event_each_its_own_field(acme, tokens):
    other = make_service(slug="other")
    Definition.objects.create(
        service=other, starts_at=NOON, event_types=[TYPE, TYPE, "x"], quantity_path="more.deep"
    )
    send(acme, ("1", NOON, {"quantity": 1, "more": {"deep": "2"}}))
    catch_up()
    assert (total(tokens), total(other)) == (1, 2)


def test_a_new_definition_counts_from_its_moment_on_and_history_keeps_the_old_one(acme, tokens):
    Definition.objects.create(
        service=tokens, starts_at=NOON, event_types=[TYPE], quantity_path="other"
    )
    data = {"quantity": 1, "other": 10}
    just_before = NOON - timedelta(microseconds=1)
    send(acme, ("1", NOON, data), ("2", just_before, data))
    catch_up()
    assert [(hour, quantity) for hour, _, quantity, _ in used(tokens)] == [
        (NOON - HOUR, 1),
        (NOON, 10),
    ]


def test_an_event_of_a_type_that_nothing_counts_is_kept_and_counted_nowhere(acme):
    send(acme, ("1", NOON, {"quantity": 1}), kind="unheard.of")
    catch_up()
    assert not HourlyUsage.objects.exists()


class TestDimensions:
    @pytest.fixture(autouse=True)
    def dimensions(self, tokens):
        definition = Definition.objects.create(
            service=tokens, starts_at=NOON, event_types=[TYPE], quantity_path="quantity"
        )
        Dimension.objects.create(definition=definition, name="region", path="at.region", at_most=2)

    def test_tell_usage_apart_and_days_add_it_up(self, acme, tokens):
        send(
            acme,
            ("1", NOON, {"quantity": 1, "at": {"region": "eu"}}),
            ("2", NOON, {"quantity": 2, "at": {"region": "us"}}),
            ("3", NOON, {"quantity": 4, "at": {"region": "eu"}}),
        )
        catch_up()
        assert used(tokens) == [(NOON, {"region": "eu"}, 5, 2), (NOON, {"region": "us"}, 2, 1)]
        assert total(tokens) == 7

    def test_are_empty_where_the_event_has_none(self, acme, tokens):
        send(acme, ("1", NOON, {"quantity": 1}))
        catch_up()
        assert used(tokens) == [(NOON, {"region": ""}, 1, 1)]

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_have_the_first_values_and_the_rest_together_however_batches_fall(
        self, acme, tokens, limit
    ):
        regions = ["z", "a", "m", "z", "b", "a"]
        send(
            acme,
            *((str(n), NOON, {"quantity": 1, "at": {"region": r}}) for n, r in enumerate(regions)),
        )
        catch_up(limit)
        assert {groups["region"]: quantity for _, groups, quantity, _ in used(tokens)} == {
            "z": 2,
            "a": 2,
            "…": 2,
        }

    def test_tell_long_values_apart_that_begin_alike(self, acme, tokens):
        long = ["é" * 100 + end for end in "ab"]
        send(
            acme,
            *(
                (str(n), NOON, {"quantity": n, "at": {"region": region}})
                for n, region in enumerate([*long, long[1]], 1)
            ),
        )
        catch_up()
        kept = {groups["region"]: quantity for _, groups, quantity, _ in used(tokens)}
        assert kept == {names.as_kept(long[0]): 1, names.as_kept(long[1]): 5}
        assert {(len(one), one[:68]) for one in kept} == {(100, "é" * 67 + "…")}

    def test_tell_from_a_long_value_what_looks_like_it(self, acme, tokens):
        long = "x" * 101
        looks = names.as_kept(long)
        for id, region in ("1", long), ("2", looks):
            send(acme, (id, NOON, {"quantity": int(id), "at": {"region": region}}))
        catch_up()
        kept = {groups["region"]: quantity for _, groups, quantity, _ in used(tokens)}
        assert kept.pop(looks) == 1
        assert list(kept.values()) == [2]

    def test_have_values_of_a_hundred_characters_as_they_are(self, acme, tokens):
        send(acme, ("1", NOON, {"quantity": 1, "at": {"region": "x" * 100}}))
        catch_up()
        [(_, groups, _, _)] = used(tokens)
        assert groups == {"region": "x" * 100}


@pytest.mark.parametrize("aggregation", ["sum", "unique_count"])
def test_dimensions_may_be_longer_than_an_index_holds(acme, aggregation):
    long = make_service(slug="long", aggregation=aggregation)
    definition = Definition.objects.create(
        service=long, starts_at=NOON, event_types=["long"], quantity_path="quantity"
    )
    dimensions = [f"dimension-{number}" for number in range(MOST_GROUPS)]
    Dimension.objects.bulk_create(
        Dimension(definition=definition, name=name, path=name) for name in dimensions
    )
    dice = Random(1)
    values = {
        name: "".join(chr(dice.randrange(33, 50_000)) for _ in range(100)) for name in dimensions
    }
    for id in ("1", "2"):
        send(acme, (id, NOON, {"quantity": 1, **values}), kind="long")
        catch_up()
    [(_, groups, _, count)] = used(long)
    assert (groups, count) == (values, 2)
    for id in ("1", "2"):
        void(acme, id)
    catch_up()
    assert used(long) == []


class TestWhatIsTakenBack:
    @pytest.mark.parametrize("limit", [1, 100])
    def test_counts_no_more_whenever_it_was_counted(self, acme, tokens, limit):
        send(acme, ("1", NOON, {"quantity": 1}), ("2", NOON, {"quantity": 2}))
        void(acme, "1")
        catch_up(limit)
        assert used(tokens) == [(NOON, {}, 2, 1)]
        assert total(tokens) == 2

    def test_does_not_count_where_that_came_first(self, acme, tokens):
        void(acme, "1")
        catch_up()
        send(acme, ("1", NOON, {"quantity": 1}), ("2", NOON, {"quantity": 2}))
        catch_up()
        assert total(tokens) == 2

    def test_is_taken_back_once_however_often_that_is_said(self, acme, tokens):
        send(acme, ("1", NOON, {"quantity": 1}))
        catch_up()
        void(acme, "1")
        void(acme, "1")
        catch_up()
        void(acme, "1")
        catch_up()
        assert total(tokens) == 0

    def test_is_only_that_organisations(self, acme, tokens):
        other = make_organisation("Other")
        for one in (acme, other):
            send(one, ("1", NOON, {"quantity": 1}))
        void(other, "1")
        catch_up()
        assert DailyUsage.objects.get(organisation=acme).quantity == 1
