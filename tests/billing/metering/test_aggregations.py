"""All aggregations, folded by the saga on a database, against figures that are worked out apart.

Whatever order events come in, however they are batched, whichever partition goes first, however
often all of it is folded anew, and whenever events are taken back: the tables are the same.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import count, pairwise
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.accounts.account import BillingAccount, account_id
from billing.exact import exactly, plain
from billing.metering import ingestion, saga, time_zones
from billing.metering.events import STREAM_TYPE, UsageVoided
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
    VoidedEvent,
)
from billing.metering.names import uuid_of
from billing.metering.usage import daily_figures, daily_totals, period_figures
from billing.periods import Days, microseconds
from catacloud.accounts.models import ApiKey, Organisation
from eventstore import feed, repository, store
from eventstore.events import StreamKey
from eventstore.models import Checkpoint, StoredEvent
from eventstore.store import Append, NewEvent
from tests.factories import make_organisation, make_service

pytestmark = pytest.mark.django_db

START = datetime(2026, 10, 31, tzinfo=UTC)  # clocks change in America on 1 November
END = datetime(2026, 11, 3, tzinfo=UTC)
NOW = END + timedelta(days=9)
KINDS = [*Service.Aggregation.values]
ZERO = Decimal(0)
numbers = count(1)


@dataclass(frozen=True)
class Sent:
    """A usage event; ``void`` is after how many others it is taken back, if it is."""

    owner: int
    at: datetime
    quantity: Decimal
    region: str
    void: int | None = None


# Few moments, so that they meet; at the edges of hours, days and months, and next to them.
EDGES = [START + timedelta(hours=hours) for hours in (0, 23, 31, 48)]
moments = st.builds(
    lambda edge, shift: min(max(edge + shift, START), END - timedelta(microseconds=1)),
    st.sampled_from(EDGES),
    st.sampled_from([-1, 0, 1, 3_600_000_000 - 1]).map(lambda us: timedelta(microseconds=us)),
)
quantities = st.integers(-3, 3).map(Decimal) | st.sampled_from(
    [Decimal(10**24), Decimal(-(10**24)), Decimal("0.000000000001")]
)
sent = st.lists(
    st.builds(
        Sent,
        owner=st.integers(0, 1),
        at=moments,
        quantity=quantities,
        region=st.sampled_from(["eu", "us"]),
        void=st.none() | st.none() | st.integers(0, 8),
    ),
    min_size=1,
    max_size=8,
)


# Not hypothesis' own randomness: which partition an organisation falls into is no choice of it.
dices = st.integers(0, 2**32).map(Random)


@dataclass(frozen=True)
class World:
    """Services of all aggregations that count the same events, and two organisations."""

    type: str
    services: dict[str, Service]
    owners: list[Organisation]


def make_world(at_most: int = 100, zones: Sequence[str] = ("UTC", "UTC")) -> World:
    name = f"world-{next(numbers)}"
    services = {}
    for kind in KINDS:
        service = services[kind] = make_service(slug=f"{name}-{kind}", aggregation=kind)
        definition = Definition.objects.create(
            service=service,
            starts_at=datetime(2001, 1, 1, tzinfo=UTC),
            event_types=[f"test.{name}"],
            quantity_path="quantity",
            allows_negative=True,
        )
        Dimension.objects.create(
            definition=definition, name="region", path="region", at_most=at_most
        )
    owners = [make_organisation(time_zone=zone) for zone in zones]
    return World(f"test.{name}", services, owners)


def send(world: World, events: Sequence[Sent], dice: Random) -> None:
    """Send events in any order, and take back those that are to be, each after some others.

    At times what has come is folded in between.
    """
    for turn, index in enumerate(dice.sample(range(len(events)), len(events))):
        _accept(world, index, events[index])
        last = turn == len(events) - 1
        for other, event in enumerate(events):
            if event.void == turn or (last and event.void and event.void > turn):
                _void(world, other, event)
        if not dice.randrange(4):
            catch_up(dice)


def _accept(world: World, index: int, event: Sent) -> None:
    body = {
        "specversion": "1.0",
        "id": str(index),
        "source": f"s{index % 2}",
        "type": world.type,
        "time": event.at,
        "data": {"quantity": str(event.quantity), "region": event.region},
    }
    key = ApiKey(organisation=world.owners[event.owner], prefix="tests")
    ingestion.accept(ingestion.parse(msgspec.json.encode([body])), key=key, now=NOW)


def _void(world: World, index: int, event: Sent) -> None:
    source = f"s{index % 2}"
    key = StreamKey(world.owners[event.owner].id, uuid_of(source), STREAM_TYPE)
    voided = UsageVoided(source=source, id=str(index), reason="a mistake")
    store.append([Append(key=key, events=[NewEvent(event=voided, occurred_at=NOW)])])


def catch_up(dice: Random) -> None:
    """Let partitions take turns, in batches of any size."""
    behind = list(feed.partitions())
    while behind:
        partition = dice.choice(behind)
        if not saga.advance(partition=partition, limit=dice.choice([1, 2, 3, 100])):
            behind.remove(partition)


def tables(world: World) -> dict[str, list[str]]:
    """Return all rows of all tables, but for which ids they have."""
    owners = {one.pk: number for number, one in enumerate(world.owners)}
    kinds = {one.pk: kind for kind, one in world.services.items()}
    slot = ("quantity", "high", "event_count", "last_at")
    day = ("quantity", "area", "event_count", "high")
    columns = {
        HourlyUsage: ("organisation_id", "service_id", "hour", "groups", "area", *slot),
        PeakHour: ("organisation_id", "service_id", "hour", *slot),
        UniqueValue: ("organisation_id", "service_id", "hour", "groups", "value"),
        DailyUsage: ("organisation_id", "service_id", "day", *day),
        DimensionValue: ("organisation_id", "service_id", "name", "value"),
    }
    found = {}
    for model, names in columns.items():
        rows = model._default_manager.filter(service__in=kinds).values_list(*names)
        found[model.__name__] = sorted(
            str((owners[owner], kinds[service], *map(_plain, rest)))
            for owner, service, *rest in rows
        )
    totals = PlatformUsage.objects.filter(service__in=kinds).values("service_id", "day")
    summed = totals.annotate(*map(Sum, day))
    rows = summed.values_list("service_id", "day", *(f"{name}__sum" for name in day))
    found["PlatformUsage"] = sorted(str((kinds[one[0]], *map(_plain, one[1:]))) for one in rows)
    return found


def _plain(value: object) -> object:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def figures(world: World) -> dict[str, object]:
    """Return every figure of every day, of the platform too, and of spans of days."""
    spans = [Days(date(2026, 10, 1), date(2026, 11, 1)), Days(date(2026, 11, 1), date(2026, 12, 1))]
    ids = [one.pk for one in world.owners]
    found: dict[str, object] = {}
    for kind, service in world.services.items():
        days = Days(START.date() - timedelta(1), END.date() + timedelta(1))
        own = daily_figures(service=service, days=days, now=NOW, organisations=ids)
        found |= {
            f"{kind} of {ids.index(row.organisation_id)} on {row.day}": row.figure
            for row in own
            if row.organisation_id
        }
        totals = daily_totals(service=service, days=days, now=NOW)
        found |= {f"{kind} of all on {row.day}": row.figure for row in totals}
    kinds = {one.pk: kind for kind, one in world.services.items()}
    for days in spans:
        for row in period_figures(days=days, now=NOW, organisations=ids):
            if row.service_id in kinds:
                place = f"{kinds[row.service_id]} of {ids.index(row.organisation_id)}"
                found[f"{place} in {days.first}"] = row.figure
    return {place: figure for place, figure in found.items() if figure}


def expected(events: Sequence[Sent], zones: Sequence[tzinfo] = (UTC, UTC)) -> dict[str, object]:
    """Work out the same figures from the events themselves."""
    good = [event for event in events if event.void is None]
    found: dict[str, object] = {}
    first = START.date() - timedelta(1)
    with exactly():
        for kind in KINDS:
            for day in [first + timedelta(n) for n in range((END - START).days + 2)]:
                in_utc = []
                for owner, zone in enumerate(zones):
                    value = figure(
                        kind,
                        mine(good, owner),
                        midnight(day, zone),
                        midnight(day + timedelta(1), zone),
                    )
                    found[f"{kind} of {owner} on {day}"] = value
                    in_utc.append(
                        figure(kind, mine(good, owner), midnight(day), midnight(day + timedelta(1)))
                    )
                found[f"{kind} of all on {day}"] = sum(in_utc, ZERO)
            for month in (10, 11):
                for owner, zone in enumerate(zones):
                    start = midnight(date(2026, month, 1), zone)
                    end = midnight(date(2026, month + 1, 1), zone)
                    value = figure(kind, mine(good, owner), start, min(end, NOW))
                    found[f"{kind} of {owner} in 2026-{month}-01"] = value
    return {place: value for place, value in found.items() if value}


def midnight(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the first moment whose date is the day, by looking at quarter hours one by one."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while moment.astimezone(zone).date() < day:
        moment += timedelta(minutes=15)
    return moment


def mine(events: Sequence[Sent], owner: int) -> list[Sent]:
    return [event for event in events if event.owner == owner]


def figure(kind: str, events: Sequence[Sent], start: datetime, end: datetime) -> Decimal:
    within = [event for event in events if start <= event.at < end]
    quantities = [event.quantity for event in within]
    match kind:
        case "sum":
            return sum(quantities, ZERO)
        case "count":
            return Decimal(len(within))
        case "max":
            return max(quantities, default=ZERO)
        case "latest":
            newest = max(within, key=lambda one: (one.at, one.quantity), default=None)
            return newest.quantity if newest else ZERO
        case "unique_count":
            return Decimal(len(set(quantities)))
        case "level":
            steps = sorted({start, end, *(event.at for event in within)})
            return sum(
                (
                    level(events, lower) * microseconds(upper - lower)
                    for lower, upper in pairwise(steps)
                ),
                ZERO,
            )
    return max(level(events, at) for at in {start, *(event.at for event in within)})


def level(events: Sequence[Sent], at: datetime) -> Decimal:
    """Return where a level stands from a moment on."""
    return sum((event.quantity for event in events if event.at <= at), ZERO)


def folded(events: Sequence[Sent], dice: Random, zones: Sequence[str] = ("UTC", "UTC")) -> World:
    world = make_world(zones=zones)
    send(world, events, dice)
    catch_up(dice)
    return world


@settings(max_examples=12, deadline=None)
@given(sent, dices)
def test_any_order_any_batches_and_any_turns_give_the_same_tables_and_the_right_figures(
    events, dice
):
    one, other = folded(events, dice), folded(events, dice)
    assert tables(one) == tables(other)
    assert figures(one) == figures(other) == expected(events)


def fold_anew(world: World, dice: Random) -> None:
    """Empty the tables, and fold all events of these organisations again from the first."""
    for model in (HourlyUsage, PeakHour, UniqueValue, DailyUsage, DimensionValue, VoidedEvent):
        model._default_manager.filter(organisation__in=world.owners).delete()
    PlatformUsage.objects.filter(service__in=world.services.values()).delete()
    first = StoredEvent.objects.filter(tenant_id__in=[one.pk for one in world.owners])
    positions = first.order_by("position").values_list("position", flat=True)
    Checkpoint.objects.filter(consumer=saga.CONSUMER).update(position=positions[0] - 1)
    catch_up(dice)


@settings(max_examples=6, deadline=None)
@given(sent, dices)
def test_folding_all_of_it_again_gives_the_same_tables(events, dice):
    world = folded(events, dice)
    before = tables(world), figures(world)
    fold_anew(world, dice)
    assert (tables(world), figures(world)) == before


@settings(max_examples=8, deadline=None)
@given(sent, dices)
def test_which_values_are_told_apart_is_the_same_in_any_batches(events, dice):
    """Beyond a bound the first ones count, so here the order stays, and the batches change."""
    world = make_world(at_most=1)
    send(world, events, dice)
    catch_up(dice)
    before = tables(world), figures(world)
    assert len(before[0]["DimensionValue"]) <= len(KINDS) * 2
    fold_anew(world, dice)
    assert (tables(world), figures(world)) == before


class TestWhatAUniqueCountTellsApart:
    def count(self, acme, *values):
        service = make_service(aggregation="unique_count")
        events = [
            {
                "specversion": "1.0",
                "id": str(number),
                "source": service.slug,
                "type": f"test.{service.slug}",
                "time": START,
                "data": {"quantity": value},
            }
            for number, value in enumerate(values)
        ]
        key = ApiKey(organisation=acme, prefix="tests")
        ingestion.accept(ingestion.parse(msgspec.json.encode(events)), key=key, now=NOW)
        catch_up(Random(1))
        rows = DailyUsage.objects.filter(service=service)
        return [(row.quantity, row.event_count) for row in rows]

    def test_is_a_text_or_a_number_whichever_way_it_is_written(self, acme):
        assert self.count(acme, "a", "b", "a", 1, "1", 1.0, 10**40) == [(4, 7)]

    def test_is_nothing_that_cannot_be_told_apart(self, acme):
        assert self.count(acme, None, True, [], {}, "") == []

    def test_may_be_as_long_as_it_likes(self, acme):
        long = "x" * 101
        digest = f"sha256:{hashlib.sha256(long.encode()).hexdigest()}"
        assert self.count(acme, long, long, long + "x", digest) == [(3, 4)]


def test_what_was_all_taken_back_leaves_no_row(acme):
    world = make_world()
    event = Sent(owner=0, at=START, quantity=Decimal(1), region="eu")
    _accept(world, 0, event)
    catch_up(Random(1))
    _void(world, 0, event)
    catch_up(Random(1))
    for model in (HourlyUsage, PeakHour, UniqueValue, DailyUsage, PlatformUsage):
        assert not model._default_manager.filter(service__in=world.services.values()).exists()


# Whole and odd hours, east and west; in some, clocks change between START and END, at midnight too.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "America/Havana",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
]
zones = st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES))


@settings(max_examples=15, deadline=None)
@given(sent, zones, dices)
def test_days_and_months_are_those_of_time_zones_and_the_platforms_of_utc(events, zones, dice):
    world = folded(events, dice, zones)
    assert figures(world) == expected(events, [ZoneInfo(zone) for zone in zones])


@settings(max_examples=10, deadline=None)
@given(sent, zones, zones, dices)
@example(
    events=[
        Sent(0, START + timedelta(microseconds=1), Decimal(10**24), "eu"),
        Sent(0, START, Decimal(1), "eu"),
    ],
    before=("UTC", "UTC"),
    after=("Asia/Kathmandu", "Europe/Berlin"),
    dice=Random(1),
)  # an area of more digits than Python keeps by default
def test_an_organisation_that_moves_has_the_tables_as_if_it_had_always_been_there(
    events, before, after, dice
):
    world, other = folded(events, dice, before), folded(events, dice, after)
    for owner, zone in zip(world.owners, after, strict=True):
        time_zones.change(owner, time_zone=zone, now=NOW)
    wanted = tables(other)
    assert tables(world) == wanted
    assert accounts(world) == accounts(other)
    fold_anew(world, dice)
    assert tables(world) == wanted


def accounts(world: World) -> list[str]:
    """Return the months of the billing accounts, but for what is nothing."""
    kinds = {one.slug: kind for kind, one in world.services.items()}
    found = []
    for number, owner in enumerate(world.owners):
        account = repository.load(
            BillingAccount, tenant_id=owner.pk, stream_id=account_id(owner.pk)
        ).state
        for month, services in account.months.items():
            for slug, sums in services.items():
                if sums.quantity or sums.area:
                    place = (number, month, kinds[slug])
                    found.append(f"{place}: {plain(sums.quantity)}, {plain(sums.area)}")
    return sorted(found)


def test_the_database_refuses_another_time_zone_where_usage_stands(acme):
    world = make_world()
    _accept(world, 0, Sent(owner=0, at=START, quantity=Decimal(1), region="eu"))
    catch_up(Random(1))
    owner, idle = world.owners
    for one in (owner, idle):
        one.time_zone = "Europe/Berlin"
    idle.save()
    with pytest.raises(IntegrityError, match="days of its time zone"), transaction.atomic():
        owner.save()
