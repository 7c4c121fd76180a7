"""Months that are kept come to what their days do, whatever becomes of the days."""

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.metering.changed import UsageChange
from billing.metering.models import Service
from billing.metering.querying import months
from billing.metering.querying.usage import PeriodFigure, period_figures
from billing.metering.recounting import time_zones
from billing.metering.usage_months import UsageMonth
from billing.periods import Days, Zones, month_of
from tests.billing.metering.sending import send as send_events
from tests.billing.metering.worlds import (
    KINDS,
    accept,
    catch_up,
    dices,
    make_world,
    send,
    sent,
    void,
)
from tests.factories import make_daily_usage, make_organisation, make_service

pytestmark = pytest.mark.django_db

OCTOBER, NOVEMBER = month_of(date(2026, 10, 1)), month_of(date(2026, 11, 1))
OVER = datetime(2026, 12, 5, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/Havana", "Asia/Kathmandu"]
zones = st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES))


def read(owners):
    """Return the figures of both months from what is kept of them, November's after October."""
    kept = months.read_months([one.pk for one in owners], [OCTOBER, NOVEMBER], now=OVER)
    services = dict(Service.objects.values_list("pk", "aggregation"))
    zones = Zones({one.pk: one.zone for one in owners})

    def came_to(month, levels):
        return list(
            months.on_top_of(levels, month, kept[month], now=OVER, services=services, zones=zones)
        )

    first = came_to(OCTOBER, {})
    levels = {(one.organisation_id, one.service_id): one.level for one in first}
    return [*shown(first), *shown(came_to(NOVEMBER, levels))]


def of_days(owners):
    each = [
        period_figures(days=month, now=OVER, organisations=[one.pk for one in owners])
        for month in (OCTOBER, NOVEMBER)
    ]
    return [one for rows in each for one in shown(rows)]


def shown(rows):
    return sorted(tuple(row) for row in rows if row.figure or row.level)


@settings(max_examples=12, deadline=None)
@given(sent, sent, zones, st.booleans(), dices)
def test_come_to_what_days_do_also_after_late_events_and_voids(events, late, zones, are_many, dice):
    world = make_world(zones=zones)
    send(world, events, dice)
    catch_up(dice)
    if are_many:
        keep_all()
    assert read(world.owners) == of_days(world.owners)
    for number, event in enumerate(late, start=len(events)):
        accept(world, number, event)
        if event.void is not None:
            void(world, dice.randrange(number + 1), event)
    catch_up(dice)
    assert read(world.owners) == of_days(world.owners)
    assert UsageMonth.objects.filter(organisation__in=world.owners).count() == 4


def keep_all(now=OVER) -> None:
    with patch.object(months, "FEW", 0):
        months.keep([OCTOBER, NOVEMBER], now=now)


def test_of_all_are_those_of_each():
    owners = [make_organisation(time_zone=zone) for zone in ZONES]
    for number, one in enumerate(owners):
        make_daily_usage(one, date(2026, 10, 20), date(2026, 11, 9), stored_gb=3, hours=number)
    keep_all()
    of_all = dict(UsageMonth.objects.values_list("pk", "figures"))
    assert len(of_all) == 8
    UsageMonth.objects.all().delete()
    months.read_months([one.pk for one in owners], [OCTOBER, NOVEMBER], now=OVER)
    assert dict(UsageMonth.objects.values_list("pk", "figures")) == of_all
    assert read(owners) == of_days(owners)


def test_are_read_and_not_added_up_again_until_something_changes(monkeypatch):
    acme, globex = make_organisation("Acme"), make_organisation("Globex")
    fold_hours(acme)
    fold_hours(globex)
    owners = [acme.pk, globex.pk]
    months.read_months(owners, [OCTOBER, NOVEMBER], now=OVER)
    asked = []
    add_up = months._add_up

    def noted(month, some, *, now):
        asked.append((month, some))
        return add_up(month, some, now=now)

    monkeypatch.setattr(months, "_add_up", noted)
    months.read_months(owners, [OCTOBER, NOVEMBER], now=OVER)
    assert asked == []
    fold_hours(globex, "later")
    months.read_months(owners, [OCTOBER, NOVEMBER], now=OVER)
    assert asked == [(NOVEMBER, [globex.pk])]


def fold_hours(organisation, id="first") -> None:
    event = (id, "2026-11-05T10:00:00Z", {"seconds": 3600})
    send_events(organisation, event, kind="catacloud.execution.finished")
    catch_up(Random(1))


def test_are_not_kept_before_they_are_over_where_their_organisation_is():
    berlin, havana = (make_organisation(time_zone=zone) for zone in ZONES[1:3])
    midnight_in_berlin = datetime(2026, 10, 31, 23, tzinfo=UTC)
    found = months.read_months([berlin.pk, havana.pk], [OCTOBER], now=midnight_in_berlin)
    assert list(found[OCTOBER]) == [berlin.pk]


def test_are_worth_nothing_once_the_organisation_is_in_another_zone():
    """Days may stay as they are, and the month is an hour longer even so."""
    acme = make_organisation("Acme", time_zone="UTC")
    make_daily_usage(acme, date(2026, 10, 5), stored_gb=3)
    before = read([acme])
    with transaction.atomic():
        time_zones.change(acme, time_zone="Europe/Berlin", now=OVER)
    make_daily_usage(acme, date(2026, 10, 5), stored_gb=3)
    UsageChange.objects.all().delete()
    assert read([acme]) != before
    assert read([acme]) == of_days([acme])


@settings(max_examples=8, deadline=None)
@given(sent, zones, dices)
def test_follow_each_other_to_what_their_days_came_to_together(events, zones, dice):
    world = make_world(zones=zones, kinds=[one for one in KINDS if one != "unique_count"])
    send(world, events, dice)
    catch_up(dice)
    owners = [one.pk for one in world.owners]
    each = [
        period_figures(days=month, now=OVER, organisations=owners) for month in (OCTOBER, NOVEMBER)
    ]
    services = dict(Service.objects.values_list("pk", "aggregation"))
    days = Days(OCTOBER.first, NOVEMBER.end)
    together = period_figures(days=days, now=OVER, organisations=owners)
    assert shown(months.folded_together(each, services=services)) == shown(together)


def test_leave_open_how_many_different_values_there_were_in_two_of_them():
    service = make_service(aggregation="unique_count")
    row = PeriodFigure(uuid4(), service.pk, Decimal(1), Decimal(0))
    assert months.folded_together([[row], [row]], services={service.pk: "unique_count"}) is None
