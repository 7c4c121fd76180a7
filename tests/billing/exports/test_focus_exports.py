"""Costs as FOCUS has them."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO

import pyarrow.parquet as pq
import pytest
import time_machine

from billing.accounts import commands
from billing.exports.focus import focus_unit, next_period
from billing.invoicing.closing.close import close_period
from billing.invoicing.settling.crediting import void
from billing.metering.models import Service
from billing.periods import Days, month_of
from catacloud.accounts.api_keys import create_api_key
from tests.billing.accounts.agreeing import agreed
from tests.billing.exports.focus_validator import broken_rules, is_installed
from tests.factories import (
    make_billing_details,
    make_daily_usage,
    make_organisation,
    make_plan,
    make_seller,
    make_subscription,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAYS = {"from": "2026-10-01", "to": "2026-11-23"}
OWN, ALL = "/organisations/acme/costs/export/", "/overview/export/focus/"
API = "/api/v1/costs/focus"
OCTOBER = month_of(date(2026, 10, 1))


@pytest.fixture(autouse=True)
def _noon():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def invoice(acme):
    """October of Acme is invoiced with 19 % VAT; November is running."""
    make_seller()
    make_billing_details(acme)
    prices: dict[Service, list[tuple[str | None, str]]] = {
        Service.objects.get(slug="execution-time"): [("10", "0.333"), (None, "0.1")],
        Service.objects.get(slug="storage"): [(None, "0.01")],
    }
    make_subscription(organisation=acme, plan_version=make_plan(prices=prices))
    make_daily_usage(acme, date(2026, 10, 5), stored_gb=3, hours=15)
    make_daily_usage(acme, date(2026, 11, 5), hours=7)
    return close_period(organisation=acme, days=OCTOBER, now=NOW)


def content(response) -> bytes:
    return b"".join(response.streaming_content)


def rows_of(response) -> list[dict[str, str]]:
    assert response.status_code == 200
    return list(csv.DictReader(StringIO(content(response).decode())))


class TestRows:
    def test_of_an_invoice_add_up_to_what_is_owed(self, invoice, as_user, member):
        rows = rows_of(as_user(member).get(OWN, DAYS))
        own = [row for row in rows if row["InvoiceId"] == invoice.number]
        assert sum(Decimal(row["BilledCost"]) for row in own) == invoice.gross
        assert {row["ChargeCategory"] for row in own} == {"Usage", "Tax"}
        assert own[0] | {"BillingAccountName": "Acme", "PricingUnit": "Hours"} == own[0]
        assert own[0]["ChargePeriodStart"] == "2026-10-01T00:00:00Z"

    def test_of_the_running_period_have_a_name_for_the_time_being(self, invoice, as_user, member):
        rows = rows_of(as_user(member).get(OWN, DAYS))
        running = [row for row in rows if row["InvoiceId"] == "draft-acme-2026-11-01"]
        assert {row["BillingPeriodEnd"] for row in running} == {"2026-12-01T00:00:00Z"}
        assert {row["ServiceCategory"] for row in running} == {"Compute", "Storage", "Other"}

    def test_of_two_bills_to_come_take_credit_once(self, acme, as_user, member):
        hours = Service.objects.get(slug="execution-time")
        make_subscription(organisation=acme, plan_version=make_plan(prices={hours: [(None, "1")]}))
        for month in (10, 11):
            make_daily_usage(acme, date(2026, month, 5), hours=7)
        commands.add_credit(agreed(acme), kind="granted", amount=Decimal(7), currency="EUR")
        for days, credit in [(DAYS, [Decimal(-7)]), ({**DAYS, "from": "2026-11-01"}, [])]:
            rows = rows_of(as_user(member).get(OWN, days))
            credits = [row for row in rows if row["ChargeCategory"] == "Credit"]
            assert [Decimal(row["BilledCost"]) for row in credits] == credit

    def test_of_an_invoice_and_its_reversal_come_to_nothing(self, invoice, as_user, member):
        note = void(invoice, reason="Wrong plan", now=NOW)
        rows = rows_of(as_user(member).get(OWN, DAYS))
        both = [row for row in rows if row["InvoiceId"] in (invoice.number, note.number)]
        assert {row["ChargeClass"] for row in both} == {"", "Correction"}
        assert sum(Decimal(row["BilledCost"]) for row in both) == 0

    def test_are_none_of_days_without_a_period(self, invoice, as_user, member):
        days = {"from": "2026-09-01", "to": "2026-09-30"}
        assert rows_of(as_user(member).get(OWN, days)) == []

    def test_are_valid_by_the_specification(self, invoice, as_user, member, tmp_path):
        if not is_installed():
            pytest.skip("NOT TESTED by focus-validator: ./dev bench dashboard installs it.")
        file = tmp_path / "focus.csv"
        file.write_bytes(content(as_user(member).get(OWN, DAYS)))
        assert broken_rules(file) == []

    def test_take_no_name_for_a_formula(self, acme, invoice, as_user, member):
        acme.name = "=1+1"
        acme.save()
        rows = rows_of(as_user(member).get(OWN, DAYS))
        assert {row["BillingAccountName"] for row in rows} == {"'=1+1"}

    def test_come_as_parquet_as_well(self, invoice, as_user, member):
        response = as_user(member).get(OWN, {**DAYS, "format": "parquet"})
        table = pq.read_table(BytesIO(content(response)))
        assert table.column("BilledCost").type.scale == 12
        assert table.column("InvoiceId")[0].as_py() == invoice.number


class TestWhoGetsThem:
    def test_an_operator_gets_all_organisations(self, invoice, as_user, operator):
        rows = rows_of(as_user(operator).get(ALL, DAYS))
        assert {row["BillingAccountId"] for row in rows} == {"acme"}

    def test_a_program_gets_those_of_its_key(self, acme, invoice, client):
        other = make_organisation("Globex")
        keys = [create_api_key(organisation=one, name="x", now=NOW) for one in (acme, other)]
        own, others = ({"Authorization": f"Bearer {key}"} for key in keys)
        assert len(rows_of(client.get(API, DAYS, headers=own))) > 0
        assert rows_of(client.get(API, DAYS, headers=others)) == []
        named = client.get(API, {**DAYS, "organisation": "acme"}, headers=others)
        assert named.status_code == 404

    def test_bad_days_are_refused(self, acme, client, as_user, member):
        bad = {"from": "2026-11-20", "to": "2026-11-01"}
        key = create_api_key(organisation=acme, name="x", now=NOW)
        refused = client.get(API, bad, headers={"Authorization": f"Bearer {key}"})
        assert (refused.status_code, refused.json()["detail"]) == (
            400,
            "The first day must not come after the last one.",
        )
        assert as_user(member).get(OWN, bad).status_code == 400


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("GB·h", "GB-Hours"), ("h", "Hours"), ("requests", "requests"), ("", "Units")],
)
def test_a_unit_is_written_as_focus_does(unit, expected):
    assert focus_unit(unit) == expected


def test_the_period_after_a_month_is_a_month():
    assert next_period(OCTOBER) == month_of(date(2026, 11, 1))
    days = Days(date(2026, 10, 5), date(2026, 10, 12))
    assert next_period(days) == Days(date(2026, 10, 12), date(2026, 10, 19))
