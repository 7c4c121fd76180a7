"""An organisation's invoices."""

import re
from datetime import date

import pytest
from django.utils import timezone

from billing.metering.models import Service
from billing.periods import Days
from tests.factories import make_daily_usage, make_invoice, make_plan, make_subscription

pytestmark = pytest.mark.django_db

LIST = "/organisations/acme/invoices/"
ONE = "/organisations/acme/invoices/2026-0001/"
OCTOBER = Days(date(2026, 10, 1), date(2026, 11, 1))


@pytest.fixture
def client(as_user, owner):
    return as_user(owner)


@pytest.fixture
def invoice(acme):
    return make_invoice(acme, OCTOBER)


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " "))


class TestList:
    def test_shows_the_newest_first(self, acme, client, invoice):
        page = text(client.get(LIST))
        assert "1–31 Oct 2026" in page
        assert "€70.00" in page
        assert ONE in page

    def test_says_when_the_first_one_comes(self, client):
        assert "No invoice yet." in text(client.get(LIST))

    def test_shows_what_the_next_one_stands_at(self, acme, client):
        hours = Service.objects.get(slug="execution-time")
        make_subscription(
            organisation=acme, plan_version=make_plan(prices={hours: [(None, "0.7")]})
        )
        make_daily_usage(acme, timezone.now().date(), hours=3)
        page = text(client.get(LIST))
        assert '<td class="n">3 h 00 m</td> <td class="n">€2.10</td>' in page

    def test_does_not_exist_for_a_stranger(self, acme, as_user, stranger):
        assert as_user(stranger).get(LIST).status_code == 404


class TestInvoice:
    def test_shows_the_working_of_each_line_and_the_days_that_it_comes_from(self, client, invoice):
        page = text(client.get(ONE))
        assert "Every unit" in page
        assert "× €0.70" in page
        assert "/organisations/acme/usage/?from=2026-10-01&amp;to=2026-10-31" in page

    @pytest.mark.parametrize("persona", ["owner", "member", "operator"])
    def test_is_there_for_members_and_operators(self, invoice, as_user, persona, request):
        assert as_user(request.getfixturevalue(persona)).get(ONE).status_code == 200

    def test_does_not_exist_for_a_stranger(self, invoice, as_user, stranger):
        assert as_user(stranger).get(ONE).status_code == 404

    def test_does_not_exist_in_another_organisation_that_the_person_may_see(
        self, invoice, as_user, stranger
    ):
        url = "/organisations/globex/invoices/2026-0001/"
        assert as_user(stranger).get(url).status_code == 404
