"""What an organisation is to pay, against its budget."""

import re
from datetime import date
from decimal import Decimal
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.budgets.models import Budget
from billing.dashboards.costs.periods import FEES, REST, CostLine, history
from billing.invoicing.closing.close import close_period
from billing.metering.changed import UsageChange
from billing.metering.models import Service
from billing.periods import Days, month_of
from catacloud.accounts.models import Organisation, Role
from tests.billing.dashboards.conftest import FRAGMENT
from tests.factories import (
    make_daily_usage,
    make_invoice,
    make_plan,
    make_subscription,
    make_user,
)

PAGE = "/organisations/acme/costs/"
GERMAN = {"Accept-Language": "de"}
REMOVE = f"{PAGE}budget/remove/"
NOVEMBER = Days(date(2026, 11, 1), date(2026, 12, 1))


@pytest.fixture
def client(as_user, owner):
    return as_user(owner)


@pytest.fixture
def customer(acme):
    hours = Service.objects.get(slug="execution-time")
    make_subscription(organisation=acme, plan_version=make_plan(prices={hours: [(None, "1")]}))
    make_daily_usage(acme, date(2026, 11, 10), hours=60)
    return acme


def invoice(organisation, month):
    days = month_of(date(2026, month, 1))
    make_daily_usage(organisation, days.first, hours=month)
    close_period(organisation=organisation, days=days, now=days.ends_at)
    UsageChange.objects.all().delete()  # as if the saga had been at work: nothing came late


def text(response) -> str:
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " "))


def lines(name, amount, *, kind="usage", month=11):
    days = month_of(date(2026, month, 1))
    return CostLine(days.first, days.end, "", kind, name, Decimal(amount))


@pytest.mark.django_db
class TestThePage:
    def test_shows_the_bill_to_come_against_the_budget(self, customer, client):
        client.post(PAGE, {"amount": "80", "thresholds": ["50"]})
        page = text(client.get(PAGE))
        assert "75 % of the budget is used" in page
        assert 'value="80.00"' in page
        assert "€60.00 of €80.00 so far; €80.00 is the forecast" in page
        assert '<td role="cell" class="n">60 h</td>' in page

    def test_shows_the_periods_before_by_service(self, customer, client):
        make_daily_usage(customer, date(2026, 10, 10), hours=100)
        make_invoice(customer, month_of(date(2026, 10, 1)))
        page = text(client.get(PAGE))
        assert "/invoices/2026-0001/" in page
        assert "1–31 Oct 2026" in page
        assert '"names":["Oct 2026","Nov 2026"]' in page
        assert '"y":[70.0,60.0]' in page
        assert "1–30 Nov 2026, before tax that is added · Oct 2026: €70.00</p>" in page
        taken = text(client.get(PAGE, {"format": "csv"}))
        assert "2026-11-01,Cost,,60,EUR, 2026-10-01,Cost,,70,EUR," in taken

    def test_is_german_for_whoever_asks_for_that(self, customer, client):
        client.post(PAGE, {"amount": "1234.5", "thresholds": ["50"]})
        make_daily_usage(customer, date(2026, 10, 10), hours=100)
        make_invoice(customer, month_of(date(2026, 10, 1)))
        costs = text(client.get(PAGE, headers=GERMAN))
        assert "<h1>Kosten</h1>" in costs
        assert "Bisher 60,00 € von 1.234,50 €; die Prognose für den Zeitraum ist 80,00 €" in costs
        assert '"names":["Okt 2026","Nov 2026"]' in costs
        assert '"separators":",."' in costs
        assert 'value="1234.50"' in costs  # as browsers send it back
        invoices = text(client.get("/organisations/acme/invoices/", headers=GERMAN))
        assert '<th scope="col" class="n">Gesamtbetrag</th>' in invoices
        assert "1.–31. Okt 2026" in invoices
        assert '<span class="state overdue">Überfällig</span>' in invoices
        assert '<td class="n">70,00 €</td>' in invoices

    def test_says_what_comes_first_where_there_is_nothing(self, acme, client):
        page = text(client.get(PAGE))
        assert "There is no price plan for these days yet" in page
        assert "there is no plan yet" in page
        assert "Nothing has cost anything yet" in page

    def test_takes_as_many_queries_for_many_periods_as_for_one(
        self, customer, client, django_assert_max_num_queries
    ):
        client.post(PAGE, {"amount": "80"})
        invoice(customer, 7)
        with django_assert_max_num_queries(12) as few:
            client.get(PAGE)
        for month in (8, 9, 10):
            invoice(customer, month)
        with django_assert_max_num_queries(len(few)):
            client.get(PAGE)


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["costs", "invoices"])
class TestLive:
    def test_hears_that_nothing_is_new_and_what_is(
        self, customer, client, page, django_assert_max_num_queries
    ):
        address = f"/organisations/acme/{page}/"
        shown = client.get(address, headers=FRAGMENT)
        assert "€60.00" in text(shown)
        assert "<html" not in text(shown)
        [tag] = re.findall('data-live="([^"]+)"', shown.content.decode())
        again = {**FRAGMENT, "If-None-Match": unescape(tag)}
        with django_assert_max_num_queries(5):
            assert client.get(address, headers=again).status_code == 304
        make_daily_usage(customer, date(2026, 11, 11), hours=3)
        assert "€63.00" in text(client.get(address, headers=again))


@pytest.mark.django_db
class TestTheBudget:
    def test_is_set_changed_and_removed(self, customer, client):
        for amount in ("80", "90"):
            client.post(PAGE, {"amount": amount, "thresholds": ["80", "forecast"], "stops": "on"})
        kept = Budget.objects.get()
        assert (kept.amount, kept.currency, kept.stops) == (Decimal(90), "EUR", True)
        assert kept.thresholds == ["80", "forecast"]
        client.post(REMOVE)
        assert not Budget.objects.exists()

    @pytest.mark.parametrize("amount", ["0", "-5", "NaN", "1.001", "", "1e30", "a\0b"])
    def test_is_not_anything(self, customer, client, amount):
        assert "Not saved" in text(client.post(PAGE, {"amount": amount}))
        assert not Budget.objects.exists()

    def test_is_set_by_those_who_may_bill(self, customer, as_user, member):
        biller = make_user("b@example.org", organisation=customer, role=Role.BILLING)
        assert as_user(biller).post(PAGE, {"amount": "80"}).status_code == 302
        assert as_user(member).post(PAGE, {"amount": "70"}).status_code == 404
        assert as_user(member).post(REMOVE).status_code == 404
        page = text(as_user(member).get(PAGE))
        assert "€80.00" in page
        assert '<form method="post" class="fields' not in page

    def test_warns_on_every_page_until_it_is_raised(self, customer, client):
        client.post(PAGE, {"amount": "60", "thresholds": ["100"], "stops": "on"})
        for page in ("usage", "invoices", "costs", "settings", "files"):
            shown = text(client.get(f"/organisations/acme/{page}/"))
            assert "has reached 100 % of the budget of €60.00" in shown
            assert "are refused until 1 Dec 2026" in shown
        client.post(PAGE, {"amount": "200", "thresholds": ["100"], "stops": "on"})
        assert "has reached" not in text(client.get("/organisations/acme/usage/"))
        assert Organisation.objects.get().stopped_until is None


class TestHistory:
    def test_names_the_dearest_services_and_keeps_the_rest_together(self):
        found = history([lines(f"s{n}", 10 - n) for n in range(8)])
        assert [one.name for one in found.series] == ["s0", "s1", "s2", "s3", "s4", REST]
        assert found.series[-1].values == {NOVEMBER.first: Decimal(5 + 4 + 3)}

    @given(
        st.lists(
            st.builds(
                lines,
                st.sampled_from("abcdefgh"),
                st.decimals(min_value=-(10**9), max_value=10**9, places=2),
                kind=st.sampled_from(["usage", "base_fee", "discount", "correction"]),
                month=st.integers(1, 12),
            )
        )
    )
    def test_loses_nothing(self, some):
        found = history(some)
        total = sum((line.amount for line in some), Decimal(0))
        assert sum((one.total for one in found.periods), Decimal(0)) == total
        assert sum((sum(one.values.values()) for one in found.series), Decimal(0)) == total
        assert all(one.hue == 5 for one in found.series if one.name == str(FEES))
        assert [one.days.first for one in found.periods] == sorted({one.first for one in some})
