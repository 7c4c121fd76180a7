"""All aggregations, folded by the saga on a database, against figures that are worked out apart.

Whatever order events come in, however they are batched, whichever partition goes first, however
often all of it is folded anew, and whenever events are taken back: the tables are the same.
"""

from datetime import timedelta
from decimal import Decimal
from random import Random
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from billing.metering.usage_tables import (
    DailyUsage,
    HourlyUsage,
    PeakHour,
    PlatformUsage,
    UniqueValue,
)
from tests.billing.metering.expected import expected
from tests.billing.metering.worlds import (
    EDGES,
    KINDS,
    START,
    Sent,
    accept,
    catch_up,
    dices,
    figures,
    fold_anew,
    folded,
    make_world,
    send,
    sent,
    tables,
    void,
)
from tests.races import run_at_once

pytestmark = pytest.mark.django_db


@settings(max_examples=12, deadline=None)
@given(sent, dices)
def test_any_order_any_batches_and_any_turns_give_the_same_tables_and_the_right_figures(
    events, dice
):
    one, other = folded(events, dice), folded(events, dice)
    assert tables(one) == tables(other)
    assert figures(one) == figures(other) == expected(events)


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


def test_what_was_all_taken_back_leaves_no_row(acme):
    world = make_world()
    event = Sent(owner=0, at=START, quantity=Decimal(1), region="eu")
    accept(world, 0, event)
    catch_up(Random(1))
    void(world, 0, event)
    catch_up(Random(1))
    for model in (HourlyUsage, PeakHour, UniqueValue, DailyUsage, PlatformUsage):
        assert not model._default_manager.filter(service__in=world.services.values()).exists()


ZONES = ["UTC", "America/New_York", "Asia/Kathmandu", "UTC"]


def any_events(dice):
    """Return usage of four organisations at few moments; some of it is taken back."""
    return [
        Sent(
            owner=n % len(ZONES),
            at=dice.choice(EDGES[1:]) + timedelta(microseconds=dice.choice([-1, 0, 1])),
            quantity=Decimal(dice.choice([-3, 0, 1, 10**24])),
            region=dice.choice(["eu", "us"]),
            void=dice.choice([None, None, None, n, 16]),
        )
        for n in range(16)
    ]


@pytest.mark.django_db(transaction=True)
def test_any_number_of_workers_at_once_give_the_same_tables_while_events_come():
    events = any_events(Random(4))
    alone, shared = make_world(zones=ZONES), make_world(zones=ZONES)
    all_sent = Event()

    def sender():
        try:
            send(shared, events, Random(5))
        finally:
            all_sent.set()

    def worker(dice):
        while not all_sent.wait(0.05):
            catch_up(dice)

    run_at_once(sender, *[lambda n=n: worker(Random(n)) for n in range(2)], expected=())
    catch_up(Random(6))
    send(alone, events, Random(7))
    catch_up(Random(7))
    assert tables(shared) == tables(alone)
    assert figures(shared) == expected(events, [ZoneInfo(zone) for zone in ZONES])
