"""Bills that follow each other: two drafts at once, and what came late."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing.accounts import commands, discounts
from billing.invoicing.charging import rate
from billing.invoicing.closing.close import close_period
from billing.invoicing.closing.drafting import draft_of
from billing.invoicing.closing.upcoming import upcoming
from billing.invoicing.documents import describing
from billing.invoicing.documents.written import write
from billing.invoicing.settling import correcting
from tests.billing.accounts.agreeing import agreed
from tests.billing.invoicing.charging.customers import (
    AUGUST,
    NOVEMBER,
    OCTOBER,
    SEPTEMBER,
    close,
    customer,
    lines,
    use,
)
from tests.factories import (
    LONG_AGO,
)

pytestmark = pytest.mark.django_db


class TestTwoDrafts:
    """September is over and October runs: what the first one takes is not there for the second."""

    def test_say_together_what_will_be_invoiced_one_after_the_other(self, hours):
        one = customer(hours, base_fee=Decimal(5), base_fee_timing="in_advance")
        use(one, hours, 100, date(2026, 9, 9))
        use(one, hours, 100, date(2026, 10, 1))
        start = SEPTEMBER.first
        discounts.grant(agreed(one), starts_on=start, text="1", rate=Decimal("0.25"), periods=1)
        for kind, amount in [("granted", 18), ("prepaid", 3)]:
            commands.add_credit(agreed(one), kind=kind, amount=Decimal(amount), currency="EUR")
        now = datetime(2026, 10, 2, tzinfo=UTC)

        def said(draft):
            kinds = [(line.kind, f"{line.amount:.2f}") for line in draft.lines]
            return kinds, draft.gross, draft.credit_used, [one.left for one in draft.prepaid]

        first, second = upcoming(one, now=now)
        assert said(first) == (
            # 20.00 of usage and two fees less a quarter; all that is left of it is set against 18.
            [
                ("usage", "10.00"),
                ("base_fee", "5.00"),
                ("base_fee", "5.00"),
                ("discount", "-5.00"),
                ("credit", "-15.00"),
            ],
            0,
            0,
            [3],
        )
        assert said(second) == (
            [("usage", "10.00"), ("base_fee", "5.00"), ("credit", "-3.00")],
            12,
            0,
            [3],
        )
        close_period(organisation=one, days=SEPTEMBER, now=now)
        assert said(draft_of(organisation=one, days=OCTOBER, now=now)) == said(second)

    def test_share_what_earlier_invoices_left(self, hours):
        one = customer(hours, starts_on=AUGUST.first)
        use(one, hours, 100, AUGUST.first)
        close(one, AUGUST)
        use(one, hours, -100, AUGUST.last)
        use(one, hours, 10, date(2026, 9, 9))
        use(one, hours, 20, date(2026, 10, 1))
        drafts = upcoming(one, now=datetime(2026, 10, 2, tzinfo=UTC))
        assert [draft.gross for draft in drafts] == [-9, 2]
        assert [draft.credit_used for draft in drafts] == [0, 2]

    def test_rate_what_came_late_once(self, hours, monkeypatch):
        one = customer(hours, starts_on=AUGUST.first)
        close(one, AUGUST)
        use(one, hours, 100, AUGUST.last)
        rated = []

        def reading_invoiced(invoice, **asked):
            rated.append(invoice)
            return rate.reading_invoiced(invoice, **asked)

        monkeypatch.setattr(correcting, "reading_invoiced", reading_invoiced)
        assert len(upcoming(one, now=datetime(2026, 10, 2, tzinfo=UTC))) == 2
        assert len(rated) == 1


class TestLateUsage:
    def test_is_corrected_by_the_commitment_and_the_discounts_of_its_period(self, hours):
        one = customer(hours, minimum_commitment=Decimal(20))
        use(one, hours, 50, date(2026, 9, 9))
        discounts.grant(
            agreed(one, now=LONG_AGO), starts_on=SEPTEMBER.first, text="Half", rate=Decimal("0.5")
        )
        september = close(one, SEPTEMBER)
        assert lines(september) == [
            ("usage", "5.00"),
            ("commitment", "15.00"),
            ("discount", "-10.00"),
        ]
        use(one, hours, 390, date(2026, 9, 30))  # 440 h are 10.00 + 17.00
        october = close(one, OCTOBER)
        assert lines(october)[3:] == [
            ("correction", "22.00"),  # 27.00 less 5.00
            ("correction", "-15.00"),  # nothing is short of 20.00 any more
            ("correction", "-3.50"),  # half of 27.00 less the half of 20.00
        ]
        written = write(describing.of_invoice(october)).lines[4]
        assert (written.quantity, [step[1] for step in written.steps]) == ("", ["", ""])
        use(one, hours, 20, date(2026, 9, 29))
        assert lines(close(one, NOVEMBER))[3:] == [("correction", "1.00"), ("correction", "-0.50")]
