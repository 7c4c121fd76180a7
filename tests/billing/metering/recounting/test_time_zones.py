"""Days of organisations' time zones, for all aggregations, and organisations that move."""

from datetime import timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.metering.recounting import time_zones
from tests.billing.metering.expected import expected
from tests.billing.metering.worlds import (
    NOW,
    START,
    Sent,
    accept,
    accounts,
    catch_up,
    dices,
    figures,
    fold_anew,
    folded,
    make_world,
    sent,
    tables,
)

pytestmark = pytest.mark.django_db


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


def test_the_database_refuses_another_time_zone_where_usage_stands(acme):
    world = make_world()
    accept(world, 0, Sent(owner=0, at=START, quantity=Decimal(1), region="eu"))
    catch_up(Random(1))
    owner, idle = world.owners
    for one in (owner, idle):
        one.time_zone = "Europe/Berlin"
    idle.save()
    with pytest.raises(IntegrityError, match="days of its time zone"), transaction.atomic():
        owner.save()
