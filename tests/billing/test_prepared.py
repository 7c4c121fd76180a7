"""A query that is worked out once answers as it does when it is made anew."""

from datetime import date
from typing import Any

import pytest
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from billing.metering.models import Service
from billing.metering.usage_tables import DailyUsage
from billing.prepared import Slot, any_of, prepared
from billing.together import Reading, read
from catacloud.accounts.models import Organisation
from tests.factories import make_daily_usage, make_organisation

pytestmark = pytest.mark.django_db

MADE: list[str] = []


@prepared
def used_days(owners: Slot, since: Slot, slug: Slot) -> QuerySet[DailyUsage]:
    MADE.append("used_days")
    known = Service.objects.filter(slug=slug, pk=OuterRef("service"))
    found = DailyUsage.objects.filter(Q(organisation=any_of(owners)) & Exists(known))
    return found.filter(day__gte=since).order_by("organisation__name", "day")


@prepared
def counted(names: Slot) -> QuerySet[Organisation, tuple[str, int]]:
    found = Organisation.objects.filter(name=any_of(names)).order_by("name")
    return found.values_list("name").annotate(Count("dailyusage"))


def rows_of(*wanted) -> Reading[list[Any]]:
    return list((yield list(wanted)))


def test_places_take_lists_days_and_texts():
    acme, globex = make_organisation("Acme “%s” {0}"), make_organisation("Globex")
    for owner in (acme, globex):
        make_daily_usage(owner, date(2026, 11, 1), date(2026, 11, 2), stored_gb=2, hours=1)
    asked = {"owners": [acme.pk, globex.pk], "since": date(2026, 11, 2), "slug": "storage"}
    both, one, none, pairs = read(
        rows_of(
            used_days(**asked),
            used_days(**asked | {"owners": [globex.pk], "since": date(2026, 11, 1)}),
            used_days(**asked | {"owners": []}),
            counted(names=[acme.name, "nobody"]),
        )
    )
    every = list(DailyUsage.objects.filter(service__slug="storage").order_by("organisation__name"))
    assert [(row.pk, row.quantity) for row in both] == [
        (row.pk, row.quantity) for row in every if row.day == date(2026, 11, 2)
    ]
    assert [(row.organisation_id, row.day.day) for row in one] == [(globex.pk, 1), (globex.pk, 2)]
    assert none == []
    assert pairs == [(acme.name, 4)]


def test_a_query_alone_is_read_as_among_others():
    acme = make_organisation("Acme")
    [alone] = read(rows_of(counted(names=["Acme"])))
    assert alone == [(acme.name, 0)]


def test_it_is_made_once():
    nobody = {"owners": [], "since": date(2026, 11, 1), "slug": "storage"}
    read(rows_of(used_days(**nobody)))
    MADE.clear()
    assert read(rows_of(used_days(**nobody))) == [[]]
    assert MADE == []
