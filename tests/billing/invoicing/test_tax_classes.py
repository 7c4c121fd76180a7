"""Charges of several tax classes on one invoice, every figure worked out by hand.

    a  standard, 19 %   100 at 1.00                                     100.00
    b  reduced, 7 %      50 at 1.00, a price of the customer's own       50.00
    c  exempt            30 at 1.00                                      30.00
    base fee, standard                                                   20.00
    10 % off all         of 120.00 standard, 50.00 reduced, 30.00 exempt
                                                       −12.00 − 5.00 − 3.00
    granted credit       18.00 over 90.00 + 18.00, 45.00 and 27.00
                                                       −10.80 − 4.50 − 2.70
                                                                    net 162.00
    VAT 19 % on 97.20 is 18.468, so 18.47; 7 % on 40.50 is 2.835, so 2.84
                                                                  gross 183.31

10 of b come late: 10.00 more, less 10 %, and 7 % of these 9.00 is 0.63. In November nothing else is
used; its base fee is 20.00 less 10 %, with 3.42 of VAT.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from lxml import etree

from billing.accounts import commands, discounts
from billing.invoicing.charging.subscriptions import change_plan, subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.closing.drafting import draft_of
from billing.invoicing.documents import describing, einvoice
from billing.invoicing.documents.written import write
from billing.invoicing.proving.verifying import differences
from billing.invoicing.settling.crediting import credit
from billing.periods import month_of
from billing.pricing.plans import publish
from tests.billing.accounts.agreeing import agreed
from tests.billing.invoicing.proving.test_verifying import meter
from tests.billing.metering.sending import send
from tests.factories import (
    LONG_AGO,
    make_billing_details,
    make_draft,
    make_organisation,
    make_seller,
    make_service,
)

pytestmark = pytest.mark.django_db(transaction=True)

OCTOBER, NOVEMBER = (month_of(date(2026, month, 1)) for month in (10, 11))
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"


@pytest.fixture
def customer():
    make_seller()
    services = [make_service(slug=slug, unit_size=1) for slug in "abc"]
    draft = make_draft(prices={one: [(None, "1")] for one in services})
    for service, tax_class in zip(services, ("standard", "reduced", "exempt"), strict=True):
        draft.charges.filter(service=service).update(tax_class=tax_class)
    draft.base_fee, draft.base_fee_timing = Decimal(20), "in_arrears"
    draft.save()
    publish(version=draft, now=LONG_AGO)
    one = make_organisation()
    make_billing_details(one)
    start = OCTOBER.first
    subscribe(organisation=one, plan_version=draft, starts_on=start, now=LONG_AGO)
    discounts.grant(agreed(one, now=LONG_AGO), starts_on=start, text="10 %", rate=Decimal("0.1"))
    own = {"model": "per_unit", "tiers": [{"unit_price": "1"}]}
    commands.override_price(
        agreed(one, now=LONG_AGO), service=services[1], terms=own, starts_on=start
    )
    before = agreed(one, now=LONG_AGO)
    commands.add_credit(before, kind="granted", amount=Decimal(18), currency="EUR")
    for slug, units in [("a", 100), ("b", 50), ("c", 30)]:
        use(one, slug, units, name=slug)
    return one


def use(organisation, slug, units, *, name):
    row = (name, "2026-10-09T07:15:00Z", {"quantity": str(units)})
    send(organisation, row, kind=f"test.{slug}")
    meter()


def lines(invoice):
    return [
        (line.kind, f"{line.amount:.2f}", f"{line.tax_category} {line.tax_rate:.0f}")
        for line in invoice.lines.all()
    ]


def test_each_line_bears_the_tax_of_its_class_and_so_do_its_discount_credit_and_correction(
    customer,
):
    invoice = close_period(organisation=customer, days=OCTOBER, now=NOW)
    assert lines(invoice) == [
        ("usage", "100.00", "S 19"),
        ("usage", "50.00", "S 7"),
        ("usage", "30.00", "E 0"),
        ("base_fee", "20.00", "S 19"),
        ("discount", "-12.00", "S 19"),
        ("discount", "-5.00", "S 7"),
        ("discount", "-3.00", "E 0"),
        ("credit", "-10.80", "S 19"),
        ("credit", "-4.50", "S 7"),
        ("credit", "-2.70", "E 0"),
    ]
    assert [invoice.total, invoice.tax, invoice.gross] == [
        Decimal(one) for one in ("162.00", "21.31", "183.31")
    ]
    assert list(differences(invoice)) == []
    document = describing.of_invoice(invoice)
    written = write(document)
    assert [line.note for line in written.lines[:3]] == ["VAT 19 %", "VAT 7 %", "Exempt from VAT"]
    assert written.notes == ("Exempt from VAT",)
    xml = etree.fromstring(einvoice.xml_of(document, written))  # as the official rules want it
    [settlement] = xml.iter(f"{RAM}ApplicableHeaderTradeSettlement")
    assert sorted(
        (
            tax.findtext(f"{RAM}CategoryCode"),
            tax.findtext(f"{RAM}BasisAmount"),
            tax.findtext(f"{RAM}CalculatedAmount"),
        )
        for tax in settlement.findall(f"{RAM}ApplicableTradeTax")
    ) == [("E", "24.3", "0"), ("S", "40.5", "2.84"), ("S", "97.2", "18.47")]

    use(customer, "b", 10, name="late")
    november = close_period(organisation=customer, days=NOVEMBER, now=NOW)
    assert [one for one in lines(november) if one[1] != "0.00"] == [
        ("base_fee", "20.00", "S 19"),
        ("discount", "-2.00", "S 19"),
        ("correction", "10.00", "S 7"),
        ("correction", "-1.00", "S 7"),
    ]
    assert (november.total, november.tax) == (Decimal(27), Decimal("4.05"))
    assert list(differences(november)) == []

    first = credit(invoice, {2: Decimal(10)}, reason="Half a favour.", now=NOW)
    assert (first.tax, first.gross) == (Decimal("0.70"), Decimal("10.70"))
    rest = credit(invoice, None, reason="All of it.", now=NOW)
    assert rest.gross == invoice.gross - first.gross
    assert len(rest.taxes) == 3
    note = describing.of_credit_note(rest)
    einvoice.xml_of(note, write(note))


def test_a_base_fee_and_a_commitment_bear_the_tax_of_their_own_classes():
    """A fee in advance of a plan at 7 %, and after a change of one at 19 %: each its own line.

    October takes 30.00 for itself and 30.00 for November, both reduced. On the 16th of November a
    plan of 60.00 in the standard class begins: 15 of 30 days of each, 15.00 and 30.00. So 15.00 of
    what was charged is given back, at 7 %. What the commitment is short of is exempt: in October
    200.00 less 100.00 of usage and the fee of 30.00, and in November less 15.00 and 30.00.
    """
    make_seller()
    service, plans = make_service(slug="a", unit_size=1), []
    for fee, tax_class in (("30", "reduced"), ("60", "standard")):
        draft = make_draft(prices={service: [(None, "1")]})
        draft.base_fee, draft.base_fee_tax_class = Decimal(fee), tax_class
        draft.minimum_commitment, draft.commitment_tax_class = Decimal(200), "exempt"
        draft.save()
        publish(version=draft, now=LONG_AGO)
        plans.append(draft)
    one = make_organisation()
    make_billing_details(one)
    subscribe(organisation=one, plan_version=plans[0], starts_on=OCTOBER.first, now=LONG_AGO)
    use(one, "a", 100, name="a")
    october = close_period(organisation=one, days=OCTOBER, now=datetime(2026, 11, 1, tzinfo=UTC))
    assert lines(october) == [
        ("usage", "100.00", "S 19"),
        ("base_fee", "30.00", "S 7"),
        ("base_fee", "30.00", "S 7"),
        ("commitment", "70.00", "E 0"),
    ]
    change = agreed(one, now=datetime(2026, 11, 2, tzinfo=UTC))
    change_plan(change, plan_version=plans[1], starts_on=date(2026, 11, 16), is_prorated=True)
    november = close_period(organisation=one, days=NOVEMBER, now=NOW)
    assert lines(november) == [
        ("usage", "0.00", "S 19"),
        ("base_fee", "-15.00", "S 7"),
        ("base_fee", "30.00", "S 19"),
        ("base_fee", "60.00", "S 19"),
        ("commitment", "155.00", "E 0"),
    ]
    assert [list(differences(each)) for each in (october, november)] == [[], []]
    use(one, "a", 20, name="late")
    to_come = draft_of(organisation=one, days=month_of(date(2026, 12, 1)), now=NOW)
    assert to_come
    assert [
        (line.service_name, f"{line.amount:.2f}", f"{line.tax_category} {line.tax_rate:.0f}")
        for line in to_come.lines
        if line.corrects
    ] == [("a", "20.00", "S 19"), ("Minimum commitment", "-20.00", "E 0")]
