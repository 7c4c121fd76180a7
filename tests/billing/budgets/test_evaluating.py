"""Budgets are held against the bill to come: alerts once, and a stop while it is over."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from billing.accounts import commands
from billing.budgets import mailing
from billing.budgets.evaluating import evaluate
from billing.budgets.keeping import remove_budget, set_budget
from billing.budgets.models import Budget, BudgetAlert, Threshold
from billing.budgets.tasks import watch_budget
from catacloud.accounts.models import Membership, Organisation, Role
from catacloud.org_settings import log
from tests.billing.accounts.agreeing import agreed
from tests.billing.budgets.conftest import NOON
from tests.factories import make_daily_usage, make_user

pytestmark = pytest.mark.django_db
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def budget(organisation, by, amount, *, stops=False, thresholds=tuple(Threshold), currency="EUR"):
    wanted = Budget(
        organisation=organisation,
        amount=Decimal(amount),
        currency=currency,
        thresholds=list(thresholds),
        stops=stops,
    )
    set_budget(wanted, by=by, now=NOON)


def told(organisation):
    return list(
        BudgetAlert.objects.filter(organisation=organisation).values_list("threshold", flat=True)
    )


class TestAlerts:
    def test_of_what_is_reached_are_kept_once(self, customer, owner):
        budget(customer, owner, 80)  # 60 so far
        assert told(customer) == ["50", "forecast"]
        evaluate(customer, now=NOON)
        assert told(customer) == ["50", "forecast"]
        make_daily_usage(customer, date(2026, 11, 11), hours=10)
        evaluate(customer, now=NOON)
        assert told(customer) == ["50", "forecast", "80"]

    def test_are_of_the_thresholds_that_were_chosen(self, customer, owner):
        budget(customer, owner, 50, thresholds=[Threshold.MOST])
        assert told(customer) == ["80"]

    def test_come_anew_for_a_budget_that_was_changed(self, customer, owner):
        budget(customer, owner, 100, thresholds=[Threshold.HALF])
        budget(customer, owner, 110, thresholds=[Threshold.HALF])
        assert told(customer) == ["50", "50"]

    def test_are_none_in_another_currency(self, customer, owner):
        budget(customer, owner, 10, currency="USD", stops=True)
        assert told(customer) == []
        assert customer.stopped_until is None

    def test_count_credit_once_that_a_period_before_takes(self, customer, owner):
        """October is over and not invoiced yet: its bill takes the credit, so November has none."""
        make_daily_usage(customer, date(2026, 10, 10), hours=30)
        commands.add_credit(agreed(customer), kind="granted", amount=Decimal(30), currency="EUR")
        budget(customer, owner, 100, thresholds=[Threshold.HALF])
        assert told(customer) == ["50"]

    def test_cannot_be_kept_twice(self, customer, owner):
        budget(customer, owner, 100, thresholds=[Threshold.HALF])
        again = BudgetAlert.objects.get()
        again.pk = None
        with pytest.raises(IntegrityError, match="a_threshold_is_told_once"), transaction.atomic():
            again.save()

    def test_take_as_many_queries_for_many_services_as_for_one(
        self, customer, owner, django_assert_max_num_queries
    ):
        budget(customer, owner, 1000)
        with django_assert_max_num_queries(12) as few:
            evaluate(customer, now=NOON)
        make_daily_usage(customer, date(2026, 11, 12), hours=1)
        make_daily_usage(customer, date(2026, 11, 13), hours=1)
        with django_assert_max_num_queries(len(few)):
            evaluate(customer, now=NOON)


class TestEmails:
    def test_go_once_to_those_who_chose_so(self, customer, owner):
        make_user("billing@example.org", organisation=customer, role=Role.BILLING)
        make_user("member@example.org", organisation=customer)
        Membership.objects.filter(user=owner).update(emails=[])
        budget(customer, owner, 75)
        for _ in range(2):
            watch_budget(organisation_id=str(customer.pk))
        (sent,) = mail.outbox
        assert sent.bcc == ["billing@example.org"]
        assert sent.subject == "Acme: the budget may be exceeded"
        assert "stands at €60.00: it has reached 80 % of the budget of €75.00." in sent.body
        assert "will be more than its budget" in sent.body

    def test_are_in_the_language_of_each(self, customer, owner):
        make_user("d@example.org", organisation=customer, role=Role.BILLING, language="de")
        budget(customer, owner, 75)
        assert mailing.send(customer, now=NOON) == 2
        english, german = mail.outbox
        assert (english.bcc, german.bcc) == ([owner.email], ["d@example.org"])
        assert english.subject == "Acme: the budget may be exceeded"
        assert german.subject == "Acme: Das Budget wird voraussichtlich überschritten"
        assert "steht bei 60,00\u00a0€ und hat 80\u00a0% des Budgets" in german.body
        assert "budget" not in german.body
        assert len({one.extra_headers["Message-ID"] for one in mail.outbox}) == 2

    def test_are_none_where_nothing_was_reached(self, customer, owner):
        budget(customer, owner, 1000)
        assert mailing.send(customer, now=NOON) == 0


class TestStop:
    def test_lasts_until_the_period_ends(self, customer, owner):
        budget(customer, owner, 60, stops=True)
        customer.refresh_from_db()
        assert customer.stopped_until == DECEMBER

    @pytest.mark.parametrize("lift", ["raise", "remove", "no stop", "lower bill"])
    def test_is_lifted(self, customer, owner, lift):
        budget(customer, owner, 60, stops=True)
        if lift == "raise":
            budget(customer, owner, 61, stops=True)
        elif lift == "remove":
            remove_budget(customer, by=owner, now=NOON)
        elif lift == "no stop":
            budget(customer, owner, 60)
        else:
            make_daily_usage(customer, date(2026, 11, 12), hours=-1)
            evaluate(customer, now=NOON)
        assert Organisation.objects.get(pk=customer.pk).stopped_until is None

    def test_is_only_for_who_chose_it(self, customer, owner):
        budget(customer, owner, 10)
        assert Organisation.objects.get(pk=customer.pk).stopped_until is None


def test_all_of_it_is_in_the_log(customer, owner):
    budget(customer, owner, 60, stops=True, thresholds=[Threshold.ALL])
    remove_budget(customer, by=owner, now=NOON)
    assert [one.what for one in log.read(customer)[0]] == [
        "Removed the budget",
        "The budget is used up: nothing new is taken until 1 Dec 2026, 00:00 UTC",
        "The bill has reached 100 % of the budget of €60.00",
        "Set the budget to €60.00 a billing period, which stops new uploads and usage",
    ]
