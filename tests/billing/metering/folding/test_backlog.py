"""A service that is defined after events came: it counts them once usage is rebuilt, all or none.

Until then they are its backlog, and correcting one of them changes nothing of what it counts.
"""

from datetime import timedelta
from decimal import Decimal
from random import Random
from threading import Event

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.metering.backlog import Backlog
from billing.metering.events import REPLACED
from billing.metering.folding import readings, saga
from billing.metering.ingesting import ingestion
from billing.metering.recounting import rebuilding
from billing.metering.recounting.checking import findings
from billing.metering.services import meters
from billing.metering.services.meters import Counting
from billing.metering.usage_tables import HourlyUsage
from catacloud.accounts.models import ApiKey
from eventstore import store
from tests.billing.metering.expected import expected
from tests.billing.metering.worlds import (
    KINDS,
    NOW,
    START,
    Sent,
    accept,
    accounts,
    catch_up,
    define,
    dices,
    figures,
    folded,
    make_world,
    send,
    sent,
    tables,
    void,
)
from tests.races import run_at_once

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
EARLIER = [Sent(owner=0, at=START + n * HOUR, quantity=Decimal(5 + n), region="eu") for n in (0, 1)]
LATER = Sent(owner=0, at=START + HOUR / 2, quantity=Decimal(3), region="us")


def replace(world, index, event, quantity):
    """Send an event that replaces another one, as a client would."""
    body = {
        "specversion": "1.0",
        "id": f"instead-of-{index}",
        "source": "corrections",
        "type": REPLACED,
        "time": event.at,
        "data": {
            "source": f"s{index % 2}",
            "id": str(index),
            "reason": "measured anew",
            "type": world.type,
            "data": {"quantity": str(quantity), "region": event.region},
        },
    }
    key = ApiKey(organisation=world.owners[event.owner], prefix="tests")
    ingestion.accept(ingestion.parse(msgspec.json.encode([body])), key=key, now=NOW)


def folded_before(kinds):
    """Return a world whose services were defined when two events had been folded."""
    world = make_world(kinds=[])
    for index, event in enumerate(EARLIER):
        accept(world, index, event)
    catch_up(Random(1))
    for kind in kinds:
        define(world, kind)
    return world


def usage(world):
    """Return the rows of tables, but for values that are told apart: a void leaves these."""
    return {name: rows for name, rows in tables(world).items() if name != "DimensionValue"}


@pytest.mark.parametrize("kind", KINDS)
class TestWhatCameBefore:
    def test_counts_neither_before_nor_after_it_is_voided(self, kind):
        world, other = folded_before([kind]), make_world(kinds=[kind])
        void(world, 0, EARLIER[0])
        catch_up(Random(1))
        assert tables(world) == tables(other)
        for one in (world, other):
            accept(one, 2, LATER)
        void(world, 1, EARLIER[1])
        catch_up(Random(1))
        assert tables(world) == tables(other)
        assert accounts(world) == accounts(other)

    def test_counts_as_what_it_is_replaced_by_alone(self, kind):
        world, other = folded_before([kind]), make_world(kinds=[kind])
        replace(world, 0, EARLIER[0], 7)
        accept(other, 0, Sent(owner=0, at=EARLIER[0].at, quantity=Decimal(7), region="eu"))
        for one in (world, other):
            catch_up(Random(1))
            accept(one, 2, LATER)
            catch_up(Random(1))
        assert tables(world) == tables(other)

    @pytest.mark.django_db(transaction=True)
    def test_counts_once_usage_was_rebuilt_but_for_what_was_voided(self, kind):
        world = folded_before([kind])
        void(world, 0, EARLIER[0])
        catch_up(Random(1))
        assert list(findings())
        rebuilding.rebuild(world.services[kind], now=NOW)
        other = make_world(kinds=[kind])
        accept(other, 1, EARLIER[1])
        catch_up(Random(1))
        assert tables(world) == tables(other)
        assert accounts(world) == accounts(other)
        for one in (world, other):
            void(one, 1, EARLIER[1])
        catch_up(Random(1))
        assert tables(world) == tables(other)
        assert list(findings()) == []


@settings(max_examples=8, deadline=None)
@given(sent, dices, st.dictionaries(st.sampled_from(KINDS), st.integers(0, 7)))
def test_services_that_are_defined_meanwhile_count_what_is_folded_since_and_all_once_it_is_rebuilt(
    events, dice, late
):
    late = {kind: min(turn, len(events) - 1) for kind, turn in late.items()}
    world = make_world(kinds=[kind for kind in KINDS if kind not in late])
    send(world, events, dice, late=late)
    catch_up(dice)
    assert figures(world) == {
        place: figure
        for kind in KINDS
        for place, figure in expected(
            [one for number, one in enumerate(events) if number not in world.backlog.get(kind, ())]
        ).items()
        if place.startswith(f"{kind} of ")
    }
    rebuilding.rebuild(None, now=NOW)
    assert figures(world) == expected(events)
    assert tables(world) == tables(folded(events, dice))


@pytest.mark.django_db(transaction=True)
class TestWhileARebuildRuns:
    @pytest.fixture(autouse=True)
    def no_rebuild_is_left(self):
        yield
        rebuilding.drop()

    @pytest.fixture
    def world(self, monkeypatch):
        monkeypatch.setattr(saga, "BATCH", 1)  # so that it can be met in the middle
        return folded_before(["sum", "max"])

    @staticmethod
    def meanwhile(act):
        """Return a watch that acts once, when the first event was folded."""
        left = [act]

        def watch(done):
            if done and left:
                left.pop()()
                catch_up(Random(1))

        return watch

    def test_a_void_of_what_came_before_takes_it_out_of_both(self, world):
        def act():
            void(world, 0, EARLIER[0])
            accept(world, 2, LATER)

        rebuilding.rebuild(None, now=NOW, watch=self.meanwhile(act))
        other = make_world(kinds=["sum", "max"])
        accept(other, 1, EARLIER[1])
        accept(other, 2, LATER)
        catch_up(Random(1))
        assert tables(world) == tables(other)
        assert list(findings()) == []

    @pytest.mark.parametrize("scope", [None, "sum"])
    def test_a_service_that_is_defined_then_has_a_backlog_until_the_next(self, world, scope):
        def act():
            for kind in ("count", "latest"):
                define(world, kind)

        rebuilding.rebuild(world.services.get(scope), now=NOW, watch=self.meanwhile(act))
        assert {one.service for one in Backlog.objects.all()} >= {
            world.services["count"],
            world.services["latest"],
        }
        for index, event in enumerate(EARLIER):
            void(world, index, event)
        accept(world, 2, LATER)
        catch_up(Random(1))
        other = make_world(kinds=["sum", "max", "count", "latest"])
        accept(other, 2, LATER)
        catch_up(Random(1))
        assert usage(world) == usage(other)
        rebuilding.rebuild(None, now=NOW)
        assert usage(world) == usage(other)
        assert list(findings()) == []


@pytest.mark.django_db(transaction=True)
def test_nobody_is_said_to_count_what_one_service_does_once_that_is_rebuilt():
    world = folded_before(["sum", "max"])
    rebuilding.rebuild(world.services["sum"], now=NOW)
    assert not any("no service" in one for one in findings())
    rebuilding.rebuild(world.services["max"], now=NOW)
    assert list(findings()) == []
    assert not Backlog.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestWhileABatchIsFolded:
    @staticmethod
    def fold_while(world, act, monkeypatch):
        """Fold what has come, and let somebody act in the middle, who has to wait for it."""
        begun, acted = Event(), Event()
        read = readings.of_window

        def slowly(*args, **kwargs):
            begun.set()
            assert not acted.wait(0.3)
            return read(*args, **kwargs)

        def operator():
            assert begun.wait(30)
            act()
            acted.set()

        monkeypatch.setattr(readings, "of_window", slowly)
        partition = store.partition_of(world.owners[0].pk)
        run_at_once(lambda: saga.advance(partition=partition), operator, expected=())
        monkeypatch.undo()

    def test_a_service_that_is_defined_does_not_count_it(self, monkeypatch):
        world = make_world(kinds=[])
        for index, event in enumerate(EARLIER):
            accept(world, index, event)
        self.fold_while(world, lambda: define(world, "sum"), monkeypatch)
        void(world, 0, EARLIER[0])
        catch_up(Random(1))
        assert not HourlyUsage.objects.exists()

    def test_a_service_that_is_changed_counts_it_as_before(self, monkeypatch):
        world = make_world(kinds=["sum"])
        accept(world, 0, EARLIER[0])
        other = Counting(event_types=[world.type], quantity_path="other")
        service = world.services["sum"]
        self.fold_while(world, lambda: meters.change(service, other, now=NOW), monkeypatch)
        assert HourlyUsage.objects.get().quantity == EARLIER[0].quantity
