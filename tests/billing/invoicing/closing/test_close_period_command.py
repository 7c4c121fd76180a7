from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings
from time_machine import travel

from billing.invoicing import tasks
from billing.invoicing.charging.rate import reading_rated
from billing.invoicing.closing import drafting
from billing.invoicing.closing.close import NotSubscribed
from billing.invoicing.models import Invoice
from catacloud.accounts.models import Organisation
from tests.factories import make_organisation, make_plan, make_service, make_subscription

NOW = datetime(2026, 11, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_november() -> object:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def customers(db: None) -> list[Organisation]:
    plan = make_plan(prices={make_service(): [(None, "1")]})
    organisations = [make_organisation(name) for name in ("Acme", "Bolt", "Core")]
    for organisation in organisations:
        make_subscription(plan_version=plan, organisation=organisation)
    return organisations


def run(*args: str) -> str:
    out = StringIO()
    call_command("close_period", *args, stdout=out)
    return out.getvalue().strip()


class TestCommand:
    def test_invoices_the_last_month_of_everyone(self, customers: list[Organisation]) -> None:
        assert run() == "2026-10: 3 invoiced."
        assert set(Invoice.objects.values_list("organisation__slug", "starts_on")) == {
            (customer.slug, date(2026, 10, 1)) for customer in customers
        }

    def test_again_finds_nothing_to_do(self, customers: list[Organisation]) -> None:
        run()
        assert run() == "2026-10: 0 invoiced."

    def test_invoices_the_month_and_organisation_of_choice(
        self, customers: list[Organisation]
    ) -> None:
        assert run("--month", "2026-03", "--organisation", "bolt") == "2026-03: 1 invoiced."
        invoice = Invoice.objects.get()
        assert (invoice.organisation.slug, invoice.starts_on) == ("bolt", date(2026, 3, 1))

    def test_one_failure_stops_nobody_else_and_is_named(
        self, customers: list[Organisation], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken_for_bolt(**kwargs: Any) -> object:
            if customers[1].pk in kwargs["organisations"]:
                raise ZeroDivisionError
            return reading_rated(**kwargs)

        monkeypatch.setattr(drafting, "reading_rated", broken_for_bolt)

        with pytest.raises(CommandError, match=r"2026-10: 2 invoiced\. 1 failed: bolt\."):
            run()

        assert Invoice.objects.count() == 2

    def test_waits_for_late_events_unless_told_not_to(
        self, customers: list[Organisation], settings: Settings
    ) -> None:
        settings.INVOICE_GRACE = timedelta(hours=49)
        assert run() == "2026-10: 0 invoiced."
        assert run("--without-grace") == "2026-10: 3 invoiced."

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["--month", "2026-11"], "is not over before 2026-12-01"),
            (["--month", "2026-13"], "'2026-13' is no month such as 2026-10"),
            (["--organisation", "nobody"], "There is no organisation 'nobody'"),
        ],
    )
    def test_refuses_in_one_sentence(self, db: None, args: list[str], message: str) -> None:
        with pytest.raises(CommandError, match=message):
            run(*args)


class TestTasks:
    @pytest.fixture
    def rung(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        monkeypatch.setattr(tasks.close_accounts, "delay", lambda **data: found.append(data))
        return found

    def test_the_sweep_rings_for_all_who_have_no_invoice(
        self, customers: list[Organisation], rung: list[dict[str, Any]]
    ) -> None:
        tasks.close_accounts(**october(customers[0]))
        tasks.close_month()
        assert rung == [october(*customers[1:])]

    def test_a_ring_can_come_twice_and_with_more_than_is_known_today(
        self, customers: list[Organisation]
    ) -> None:
        for _ in range(2):
            tasks.close_accounts(**october(customers[0]), later="argument")
        assert Invoice.objects.count() == 1

    def test_where_one_cannot_be_closed_each_has_a_task_of_its_own(
        self, customers: list[Organisation], rung: list[dict[str, Any]]
    ) -> None:
        customers[1].subscriptions.all().delete()
        with pytest.raises(NotSubscribed):
            tasks.close_accounts(**october(*customers))
        assert not Invoice.objects.exists()
        assert rung == [october(one) for one in customers]
        with pytest.raises(NotSubscribed):
            tasks.close_accounts(**rung[1])
        assert len(rung) == 3


def october(*organisations: Organisation) -> dict[str, Any]:
    return {
        "organisation_ids": [str(one.pk) for one in organisations],
        "first_day": "2026-10-01",
        "end_day": "2026-11-01",
    }
