"""Services of all aggregations that count the same events, of two organisations.

What the saga makes of them is compared with what expected.py works out apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random

import msgspec
from django.db import transaction
from django.db.models import Sum
from hypothesis import strategies as st

from billing.accounts.account import BillingAccount, account_id
from billing.exact import plain
from billing.metering.events import STREAM_TYPE, UsageVoided
from billing.metering.folding import saga
from billing.metering.ingesting import ingestion
from billing.metering.models import Definition, Dimension, Service
from billing.metering.names import uuid_of
from billing.metering.querying.totals import daily_totals
from billing.metering.querying.usage import daily_figures, period_figures
from billing.metering.usage_tables import (
    DailyUsage,
    DimensionValue,
    HourlyUsage,
    PeakHour,
    PlatformUsage,
    UniqueValue,
    VoidedEvent,
)
from billing.periods import Days
from catacloud.accounts.models import ApiKey, Organisation
from eventstore import feed, repository, store
from eventstore.events import StreamKey
from eventstore.models import Checkpoint, StoredEvent
from eventstore.store import Append, NewEvent
from tests.factories import make_organisation, make_service

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
    """Services of all aggregations that count the same events, and two organisations.

    ``backlog`` has by kind the numbers of events that were folded before the service was defined.
    """

    name: str
    services: dict[str, Service]
    owners: list[Organisation]
    backlog: dict[str, set[int]] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return f"test.{self.name}"


def make_world(
    at_most: int = 100, zones: Sequence[str] = ("UTC", "UTC"), kinds: Sequence[str] = KINDS
) -> World:
    owners = [make_organisation(time_zone=zone) for zone in zones]
    world = World(f"world-{next(numbers)}", {}, owners)
    for kind in kinds:
        define(world, kind, at_most=at_most)
    return world


@transaction.atomic
def define(world: World, kind: str, *, at_most: int = 100) -> None:
    service = make_service(slug=f"{world.name}-{kind}", aggregation=kind)
    definition = Definition.objects.create(
        service=service,
        starts_at=datetime(2001, 1, 1, tzinfo=UTC),
        event_types=[world.type],
        quantity_path="quantity",
        allows_negative=True,
    )
    Dimension.objects.create(definition=definition, name="region", path="region", at_most=at_most)
    world.services[kind] = service


def send(
    world: World, events: Sequence[Sent], dice: Random, *, late: Mapping[str, int] | None = None
) -> None:
    """Send events in any order, and take back those that are to be, each after some others.

    At times what has come is folded in between. Services of ``late`` are defined only after so many
    events.
    """
    came: set[int] = set()
    folded: set[int] = set()
    for turn, index in enumerate(dice.sample(range(len(events)), len(events))):
        for kind, after in (late or {}).items():
            if after == turn:
                define(world, kind)
                world.backlog[kind] = set(folded)
        accept(world, index, events[index])
        came.add(index)
        last = turn == len(events) - 1
        for other, event in enumerate(events):
            if event.void == turn or (last and event.void and event.void > turn):
                void(world, other, event)
        if not dice.randrange(4):
            catch_up(dice)
            folded |= came


def accept(world: World, index: int, event: Sent) -> None:
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


def void(world: World, index: int, event: Sent) -> None:
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
        totals = daily_totals(services=[service], days=days, now=NOW).get(service.pk, [])
        found |= {f"{kind} of all on {row.day}": row.figure for row in totals}
    kinds = {one.pk: kind for kind, one in world.services.items()}
    for days in spans:
        for row in period_figures(days=days, now=NOW, organisations=ids):
            if row.service_id in kinds:
                place = f"{kinds[row.service_id]} of {ids.index(row.organisation_id)}"
                found[f"{place} in {days.first}"] = row.figure
    return {place: figure for place, figure in found.items() if figure}


def folded(events: Sequence[Sent], dice: Random, zones: Sequence[str] = ("UTC", "UTC")) -> World:
    world = make_world(zones=zones)
    send(world, events, dice)
    catch_up(dice)
    return world


def fold_anew(world: World, dice: Random) -> None:
    """Empty the tables, and fold all events of these organisations again from the first."""
    for model in (HourlyUsage, PeakHour, UniqueValue, DailyUsage, DimensionValue, VoidedEvent):
        model._default_manager.filter(organisation__in=world.owners).delete()
    PlatformUsage.objects.filter(service__in=world.services.values()).delete()
    first = StoredEvent.objects.filter(tenant_id__in=[one.pk for one in world.owners])
    positions = first.order_by("position").values_list("position", flat=True)
    Checkpoint.objects.filter(consumer=saga.CONSUMER).update(position=positions[0] - 1)
    catch_up(dice)


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
