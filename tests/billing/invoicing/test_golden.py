"""One rich invoice, every figure of it worked out by hand.

October 2026 of a member that subscribed on the 11th, in a volume account with its parent, which
used 50 h of service d and nothing else; the parent has a price of its own for e. VAT is 19 %.

    a  flat                 5.00, nobody uses it: shared alike                             2.50
    b  per unit             10 × 0.333 = 3.33                                              3.33
    c  package              25 in packages of 10 at 2.50: 3                                7.50
    d  graduated, pooled    150 + 50 = 200: 100 × 0.10 + 100 × 0.05 = 15.00, × 150 / 200  11.25
    e  volume, overridden   20 at 0.40 in place of 0.50                                    8.00
    g  percentage           2 % of 100                                                     2.00
    h  graduated percentage 2 % of the first 100 and 1 % of the next 200 of 300            4.00
    i  by region            10 in eu at 0.30                                               3.00
                            5 elsewhere at 0.10                                            0.50
                                                                                   usage  42.08
    base fee                31.00 × 21 / 31 days                                          21.00
    commitment              200 × 21 / 31 = 135.4838…, less 42.08 and 21.00: 72.4038…     72.40
                                                                                         135.48
    discount on d           25 % of 11.25 = 2.8125                                        −2.81
    discount on all         10.00                                                        −10.00
    granted credit          22.67                                                        −22.67
                                                                                     net 100.00
    VAT                     19 %                                                          19.00
                                                                                   gross 119.00
    prepaid credit          19.00: 100.00 are left to be paid
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing.accounts import commands, discounts
from billing.invoicing.charging.subscriptions import subscribe
from billing.invoicing.closing.close import close_period
from billing.invoicing.documents import describing
from billing.invoicing.documents.written import WrittenLine, write
from billing.metering.models import Service
from billing.periods import month_of
from billing.pricing.charges import Charge, Tier
from billing.pricing.plans import publish
from tests.billing.accounts.agreeing import agreed
from tests.billing.invoicing.charging.test_parts import measured, priced, used
from tests.factories import (
    LONG_AGO,
    Prices,
    make_draft,
    make_organisation,
    make_seller,
    make_service,
    make_usage_row,
)

pytestmark = pytest.mark.django_db

OCTOBER = month_of(date(2026, 10, 1))
NOW = datetime(2026, 11, 3, tzinfo=UTC)


def rich_plan(services):
    a, b, c, d, e, g, h, i = services
    tiers: dict[Service, Prices] = {b: [(None, "0.333")], d: [("100", "0.10"), (None, "0.05")]}
    draft = make_draft(prices=tiers)
    Charge.objects.create(version=draft, service=a, model="flat", amount=5)
    Charge.objects.create(
        version=draft, service=c, model="package", amount=Decimal("2.50"), package_size=10
    )
    volume = Charge.objects.create(version=draft, service=e, model="volume")
    Tier.objects.create(charge=volume, up_to=10, unit_price=1)
    Tier.objects.create(charge=volume, unit_price=Decimal("0.5"))
    share = Charge.objects.create(version=draft, service=g, model="percentage")
    Tier.objects.create(charge=share, unit_price=2)
    shares = Charge.objects.create(version=draft, service=h, model="graduated_percentage")
    Tier.objects.create(charge=shares, up_to=100, unit_price=2)
    Tier.objects.create(charge=shares, unit_price=1)
    priced(draft, i, "0.30", value="eu")
    priced(draft, i, "0.10")
    draft.base_fee, draft.base_fee_timing = Decimal(31), "in_arrears"
    draft.minimum_commitment = Decimal(200)
    draft.save()
    publish(version=draft, now=LONG_AGO)
    return draft


def taken(line: int, cents: int) -> str:
    return f"Taken off line {line} = −€{cents / 100:.2f}"


def shown(line: WrittenLine) -> tuple[str, list[str]]:
    steps = (" ".join(filter(None, step)).replace("\u00a0", " ") for step in line.steps)
    return line.text, list(steps)


def test_every_figure_of_a_rich_invoice():
    make_seller()
    services = [*(make_service(slug=slug) for slug in "abcdegh"), measured("i", "sum", 1)]
    plan = rich_plan(services)
    parent, member = make_organisation(), make_organisation()
    subscribe(organisation=parent, plan_version=plan, starts_on=OCTOBER.first, now=LONG_AGO)
    subscribe(organisation=member, plan_version=plan, starts_on=date(2026, 10, 11), now=LONG_AGO)
    day = date(2026, 10, 20)
    for service, units in zip(services[1:7], [10, 25, 150, 20, 100, 300], strict=True):
        make_usage_row(organisation=member, service=service, day=day, quantity=units * 3600)
    make_usage_row(organisation=parent, service=services[3], day=day, quantity=50 * 3600)
    used(member, "i", (10, "eu", 300), (3, "us", 300), (2, None, 301))
    commands.join_pool(agreed(member), parent=parent, starts_on=OCTOBER.first)
    own = {"model": "per_unit", "tiers": [{"unit_price": "0.40"}]}
    commands.override_price(agreed(parent), service=services[4], terms=own, starts_on=OCTOBER.first)
    start = OCTOBER.first
    discounts.grant(
        agreed(member), starts_on=start, text="d", rate=Decimal("0.25"), service=services[3]
    )
    ten = {"amount": Decimal(10), "currency": "EUR"}
    discounts.grant(agreed(member), starts_on=start, text="all", periods=1, **ten)
    for kind, amount in [("granted", "22.67"), ("prepaid", "19.00")]:
        commands.add_credit(agreed(member), kind=kind, amount=Decimal(amount), currency="EUR")

    invoice = close_period(organisation=member, days=OCTOBER, now=NOW)

    assert [(line.kind, f"{line.amount:.2f}") for line in invoice.lines.all()] == [
        ("usage", "2.50"),
        ("usage", "3.33"),
        ("usage", "7.50"),
        ("usage", "11.25"),
        ("usage", "8.00"),
        ("usage", "2.00"),
        ("usage", "4.00"),
        ("usage", "3.00"),
        ("usage", "0.50"),
        ("base_fee", "21.00"),
        ("commitment", "72.40"),
        ("discount", "-2.81"),
        ("discount", "-10.00"),
        ("credit", "-22.67"),
    ]
    assert [invoice.total, invoice.tax, invoice.gross] == [Decimal(n) for n in (100, 19, 119)]
    assert invoice.payments.get().amount == 19
    written = write(describing.of_invoice(invoice))
    assert [shown(line) for line in written.lines] == WORKING
    assert written.sums == (
        ("Net", "€100.00"),
        ("VAT 19 % on €100.00", "€19.00"),
        ("Total", "€119.00"),
    )


OTHERS = "Less the shares of the others in the volume account"
TEN = [19, 25, 56, 64, 60, 15, 30, 23, 4, 158, 546]  # cents: 10.00 × a line's net / 132.67
CREDIT = [43, 57, 128, 144, 137, 34, 68, 51, 9, 359, 1237]  # 22.67 × a line's net / 122.67

# The working of each line, as page and PDF show it; of the volume account, that of all together.
WORKING = [
    ("a", ["Flat fee 1 × €5.00 = €5.00", f"{OTHERS} 1 × −€2.50 = −€2.50"]),
    ("b", ["Every unit 10 h × €0.333 = €3.33"]),
    ("c", ["Packages 3 × €2.50 = €7.50"]),
    (
        "d",
        [
            "Up to 100 h 100 h × €0.10 = €10.00",
            "Above 100 h 100 h × €0.05 = €5.00",
            f"{OTHERS}: 50 of 200 h 1 × −€3.75 = −€3.75",
        ],
    ),
    ("e", ["Every unit 20 h × €0.40 = €8.00"]),
    ("g", ["Every unit 100 h × €0.02 = €2.00"]),
    (
        "h",
        [
            "Up to 100 h 100 h × €0.02 = €2.00",
            "Above 100 h 200 h × €0.01 = €2.00",
        ],
    ),
    ("i, eu", ["Every unit 10 u × €0.30 = €3.00"]),
    ("i", ["Every unit 5 u × €0.10 = €0.50"]),
    (
        "Base fee 1 Oct 2026 – 31 Oct 2026",
        ["Base fee, for a share of the period 0.677419354839 × €31.00 = €21.00"],
    ),
    (
        "Minimum commitment",
        [
            "Minimum commitment 1 × €135.483870967742 = €135.483870967742",
            "Usage and base fees of the period 1 × −€63.08 = −€63.08",
        ],
    ),
    ("d", ["Taken off line 4 €11.25 × −25 % = −€2.81"]),
    ("all", [taken(line, cents) for line, cents in enumerate(TEN, 1)]),
    ("Granted credit", [taken(line, cents) for line, cents in enumerate(CREDIT, 1)]),
]
