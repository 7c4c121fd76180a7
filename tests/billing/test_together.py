"""What several readers want is read in one statement, and is what each would read alone."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db.models import CharField, Count, DateField, DecimalField, F, IntegerField, UUIDField

from billing.accounts import commands
from billing.accounts.models import Credit, PriceOverride
from billing.metering.models import Service
from billing.metering.usage_tables import DailyUsage
from billing.together import Raw, Reading, read, together
from catacloud.accounts.models import Organisation
from tests.billing.accounts.agreeing import PER_UNIT, agreed
from tests.factories import make_daily_usage, make_organisation

pytestmark = pytest.mark.django_db


def rows_of(*wanted) -> Reading[list[Any]]:
    found = yield list(wanted)
    return list(found)


def rows_and_then(first, then) -> Reading[list[Any]]:
    [one] = yield [first]
    [other] = yield [then(one)]
    return [one, other]


@pytest.fixture
def acme():
    organisation = make_organisation("Acme “%s” {0}", time_zone="Asia/Kathmandu")
    make_daily_usage(organisation, date(2026, 11, 2), stored_gb=10**12, hours=Decimal("0.25"))
    service = Service.objects.get(slug="storage")
    terms = PER_UNIT | {"allowance": "10.50"}
    start = date(2026, 12, 1)
    commands.override_price(agreed(organisation), service=service, terms=terms, starts_on=start)
    commands.add_credit(agreed(organisation), kind="granted", amount=Decimal(15), currency="EUR")
    return organisation


def test_rows_are_as_read_alone(acme):
    querysets = [
        Organisation.objects.order_by("name"),
        DailyUsage.objects.order_by("service", "day"),
        PriceOverride.objects.all(),
        Credit.objects.all(),
        Service.objects.annotate(letters=Count("name"), twice=F("unit_size") * 2),
        Service.objects.order_by("-slug").values_list("slug", "unit_size", "created_at"),
        DailyUsage.objects.none(),
        Service.objects.filter(pk__in=[]).values_list("pk"),
    ]
    for found, queryset in zip(read(rows_of(*querysets)), querysets, strict=True):
        alone = list(queryset.all())
        assert [written(row) for row in found] == [written(row) for row in alone]


def written(row) -> str:
    return repr(row if isinstance(row, tuple) else vars(row) | {"_state": None})


def test_statements_of_ones_own_go_along(acme):
    sql = "SELECT id, name, 1e30::numeric + 0.5 FROM accounts_organisation WHERE name LIKE %(name)s"
    raw = Raw(sql, {"name": "Acme%"}, [UUIDField(), CharField(), DecimalField()])
    [alone], [found, _] = read(rows_of(raw)), read(rows_of(raw, Service.objects.all()))
    assert alone == found == [(acme.pk, acme.name, Decimal("1" + "0" * 30 + ".5"))]


def test_lists_of_numbers_are_exact(acme):
    sql = "SELECT ARRAY[1e30::numeric + 0.5, 0.1], NULL::numeric[], ARRAY[1, 2]"
    numbers = ArrayField(DecimalField())
    raw = Raw(sql, {}, [numbers, numbers, ArrayField(IntegerField())])
    [alone], [found, _] = read(rows_of(raw)), read(rows_of(raw, Service.objects.all()))
    assert alone == found == [([Decimal("1" + "0" * 30 + ".5"), Decimal("0.1")], None, [1, 2])]


def test_readers_that_go_on_wait_for_each_other(acme, django_assert_num_queries):
    services = Service.objects.order_by("pk")
    with django_assert_num_queries(2):
        nothing, [first, [again]], [one] = read(
            together(
                together(),
                rows_and_then(services, lambda rows: Service.objects.filter(pk=rows[0].pk)),
                rows_of(Organisation.objects.all()),
            )
        )
    assert (nothing, again, one) == ([], first[0], [acme])


def test_what_two_want_is_read_once(acme, django_assert_num_queries):
    with django_assert_num_queries(1) as queries:
        one, other = read(rows_of(Service.objects.all(), Service.objects.all()))
    assert one == other
    assert queries[0]["sql"].count('FROM "billing_service"') == 1


DAYS = """
SELECT place, name, day, quantity, value, NULLIF(value, 'none') FROM accounts_organisation
JOIN billing_dailyusage ON organisation_id = accounts_organisation.id
CROSS JOIN unnest(%(texts)s::text[], %(moments)s::timestamptz[], %(numbers)s::numeric[])
    WITH ORDINALITY AS given (text, moment, number, place)
CROSS JOIN LATERAL (SELECT concat_ws(' ', text, moment, number) AS value) AS said
WHERE time_zone = %(zone)s AND day >= %(first)s AND day < %(first)s + %(days)s
    AND (%(owner)s::uuid IS NULL OR organisation_id = %(owner)s::uuid)
ORDER BY day, quantity, place DESC LIMIT %(most)s
"""
FIELDS: list[Any] = [IntegerField(), CharField(), DateField(), DecimalField(), *2 * [CharField()]]
MOMENT = datetime(2026, 11, 2, 3, 4, 5, 678, UTC)


def days(first, *, days=9, owner=None, zone="Asia/Kathmandu", texts=(), most=9, once=True) -> Raw:
    given = {
        "texts": list(texts),
        "moments": [MOMENT] * len(texts),
        "numbers": [Decimal("1e30") + one for one in range(len(texts))],
    }
    asked = {"first": first, "days": days, "owner": owner, "zone": zone, "most": most}
    return Raw(DAYS, asked | given, FIELDS, is_planned_once=once)


@pytest.mark.parametrize("once", [True, False])
def test_what_is_alike_but_for_its_values_is_as_read_alone(acme, once):
    globex = make_organisation("Globex")
    make_daily_usage(globex, date(2026, 11, 2), date(2026, 11, 4), stored_gb=2, hours=1)
    one, other = date(2026, 11, 2), date(2026, 11, 4)
    wanted = [
        days(one, texts=["a", 'quoted "", {}, \\ and %s', "none"], once=once),
        days(other, texts=["b"], owner=globex.pk, zone="UTC", once=once),
        days(one, texts=["b"], owner=globex.pk, zone="UTC", most=1, once=once),
        days(one, texts=["NULL"], owner=acme.pk, days=1, once=once),
        days(one, texts=[], once=once),
        days(one, texts=["a"], zone="Mars", once=once),
        days(one, texts=["b"], owner=globex.pk, zone="UTC", days=40_000, once=once),
    ]
    together = read(rows_of(*wanted))
    assert together == [read(rows_of(each))[0] for each in wanted]
    assert [len(rows) for rows in together] == [6, 2, 1, 2, 0, 0, 4]


def test_what_is_alike_but_for_its_values_is_one_column(acme, django_assert_num_queries):
    first, second = date(2026, 11, 1), date(2026, 11, 2)
    for once, columns in (True, 1), (False, 2):
        with django_assert_num_queries(1) as queries:
            read(
                rows_of(
                    days(first, texts=["a"], once=once),
                    days(second, texts=["a", "b"], once=once),
                    days(first, texts=["a"], once=once),
                )
            )
        assert queries[0]["sql"].count("FROM accounts_organisation") == columns


def test_what_is_related_is_asked_for_by_itself(acme):
    related = Credit.objects.select_related("organisation")
    with pytest.raises(ValueError, match="asked for by itself"):
        read(rows_of(related, Service.objects.all()))


def test_a_moment_is_in_utc(acme):
    moments = Service.objects.values_list("created_at")
    [(found,), *_], _ = read(rows_of(moments, moments))
    assert found.tzinfo is UTC
    assert isinstance(found, datetime)
