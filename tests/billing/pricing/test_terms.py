"""What charges in the database mean: as terms, in words, and as what the database refuses."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils.translation import override

from billing.pricing.models import Charge, Tier
from billing.pricing.plans import InvalidCharge, NotPublished, new_draft, publish, retire
from billing.pricing.prices import (
    Conversion,
    Flat,
    Graduated,
    Package,
    Percentage,
    PerUnit,
    Price,
    Rounding,
    Terms,
    Volume,
)
from billing.pricing.rating import Usage, rate
from billing.pricing.terms import terms_of
from billing.pricing.tiers import InvalidPrice, Tiers
from billing.pricing.tiers import Tier as PricedTier
from billing.pricing.words import in_words
from tests.factories import LONG_AGO, make_draft, make_service

pytestmark = pytest.mark.django_db

FIVE, TEN = Decimal(5), Decimal(10)
STEPS: list[dict[str, Any]] = [
    {"up_to": TEN, "unit_price": FIVE, "flat_fee": Decimal(2)},
    {"unit_price": 1, "cap": 9},
]
TIERS = Tiers(
    (
        PricedTier(TEN, FIVE, flat_fee=Decimal(2)),
        PricedTier(None, Decimal(1), cap=Decimal(9)),
    )
)


def charge(*tiers: dict[str, Any], **fields: Any) -> Charge:
    version = make_draft(prices={})
    made = Charge.objects.create(version=version, service=make_service(), **fields)
    for tier in tiers:
        Tier.objects.create(charge=made, **tier)
    made.refresh_from_db()
    return made


PRICES: list[tuple[list[dict[str, Any]], dict[str, Any], Price, str]] = [
    ([], {"model": "flat", "amount": FIVE}, Flat(FIVE), "5 in each period"),
    (
        [],
        {"model": "package", "amount": FIVE, "package_size": TEN},
        Package(FIVE, TEN),
        "5 for each 10",
    ),
    ([{"unit_price": FIVE}], {"model": "per_unit"}, PerUnit(FIVE), "5"),
    (STEPS, {"model": "graduated"}, Graduated(TIERS), "2 and 5 up to 10, 1 (at most 9) above"),
    (STEPS, {"model": "volume"}, Volume(TIERS), "2 and 5 up to 10, 1 (at most 9) above"),
    ([{"unit_price": "1.3"}], {"model": "percentage"}, PerUnit(Decimal("0.013")), "1.3 %"),
    (
        [{"unit_price": "1.3"}],
        {"model": "percentage", "event_fee": "0.25", "event_maximum": 5, "free_events": 3},
        Percentage(Decimal("0.013"), fee=Decimal("0.25"), free_events=3, at_most=FIVE),
        "1.3 % and 0.25 for each event, at most 5 for each; the first 3 events are free",
    ),
    (
        [{"up_to": TEN, "unit_price": "2", "flat_fee": 1}, {"unit_price": "0.5"}],
        {"model": "graduated_percentage", "flat_fee_on_zero": False},
        Graduated(
            Tiers(
                (
                    PricedTier(TEN, Decimal("0.02"), flat_fee=Decimal(1)),
                    PricedTier(None, Decimal("0.005")),
                )
            ),
            flat_fee_on_zero=False,
        ),
        "1 and 2 % up to 10, 0.5 % above; no fee without usage",
    ),
]


@pytest.mark.parametrize(("tiers", "fields", "price", "words"), PRICES)
class TestAPrice:
    def test_means_what_its_fields_say(
        self, tiers: list[dict[str, Any]], fields: dict[str, Any], price: Price, words: str
    ) -> None:
        assert terms_of(charge(*tiers, **fields)) == Terms(price)

    def test_is_said_in_words(
        self, tiers: list[dict[str, Any]], fields: dict[str, Any], price: Price, words: str
    ) -> None:
        assert in_words(charge(*tiers, **fields)) == words

    def test_is_copied_whole_to_a_new_draft(
        self, tiers: list[dict[str, Any]], fields: dict[str, Any], price: Price, words: str
    ) -> None:
        made = charge(*tiers, **fields, maximum=7)
        publish(version=made.version, now=LONG_AGO)
        assert terms_of(new_draft(version=made.version).charges.get()) == terms_of(made)


def test_terms_are_read_and_said_in_the_order_in_which_they_apply() -> None:
    made = charge(
        {"unit_price": FIVE},
        model="per_unit",
        divide_by=1000,
        rounding="half_up",
        allowance=TEN,
        minimum=1,
        maximum=100,
    )
    terms = terms_of(made)
    assert terms == Terms(
        PerUnit(FIVE),
        Conversion(Decimal(1000), Rounding.HALF_UP),
        allowance=TEN,
        minimum=Decimal(1),
        maximum=Decimal(100),
    )
    assert in_words(made) == (
        "5; by the 1000, rounded half up; the first 10 are free; at least 1; at most 100"
    )
    assert rate(Usage(Decimal(11_500)), terms).amount == TEN  # 12 thousand, 10 of them free


def test_prices_and_terms_are_said_in_german_too() -> None:
    made = charge(*STEPS, model="graduated", divide_by=1000, rounding="half_up", allowance=TEN)
    with override("de"):
        assert in_words(made) == (
            "2 und 5 bis 10, 1 (höchstens 9) darüber; je 1000, kaufmännisch gerundet; "
            "die ersten 10 sind frei"
        )
        with pytest.raises(NotPublished, match="ist ein Entwurf, nicht veröffentlicht"):
            retire(version=made.version)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"model": "flat"}, "charge_has_an_amount_or_tiers"),
        ({"model": "flat", "amount": -1}, "charge_has_an_amount_or_tiers"),
        ({"model": "volume", "amount": 1}, "charge_has_an_amount_or_tiers"),
        ({"model": "package", "amount": 1}, "charge_package_has_a_size"),
        ({"model": "package", "amount": 1, "package_size": 0}, "charge_package_has_a_size"),
        ({"model": "flat", "amount": 1, "package_size": 1}, "charge_package_has_a_size"),
        ({"model": "volume", "divide_by": 0}, "charge_terms_are_not_negative"),
        ({"model": "volume", "allowance": -1}, "charge_terms_are_not_negative"),
        ({"model": "volume", "maximum": -1}, "charge_terms_are_not_negative"),
        ({"model": "volume", "event_fee": 1}, "charge_event_terms_are_of_a_percentage"),
        ({"model": "percentage", "event_minimum": -1}, "charge_event_terms_are_of_a_percentage"),
        ({"model": "volume", "dimension": "region"}, "charge_dimension_has_a_value"),
        ({"model": "volume", "value": "eu"}, "charge_dimension_has_a_value"),
    ],
)
def test_the_database_refuses_what_means_nothing(fields: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        charge(**fields)


@pytest.mark.parametrize("more", [{"flat_fee": -1}, {"cap": -1}])
def test_the_database_refuses_a_fee_or_a_cap_below_zero(more: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="fee_and_cap"), transaction.atomic():
        charge({"unit_price": 1, **more}, model="graduated")


@pytest.mark.parametrize(
    ("tiers", "fields", "message"),
    [
        ([{"unit_price": 1}], {"model": "flat", "amount": 1}, "have no tiers"),
        ([{"unit_price": 1, "cap": 1}], {"model": "per_unit"}, "without end, fee or cap"),
        (STEPS, {"model": "per_unit"}, "without end, fee or cap"),
        ([], {"model": "volume"}, "The last tier must be without end"),
        ([], {"model": "flat", "amount": 1, "allowance": 1}, "Only units, packages and tiers"),
        (
            [{"unit_price": 1}],
            {"model": "per_unit", "minimum": 2, "maximum": 1},
            "The minimum must not be above the maximum",
        ),
    ],
)
def test_what_would_not_price_every_quantity_is_not_published(
    tiers: list[dict[str, Any]], fields: dict[str, Any], message: str
) -> None:
    made = charge(*tiers, **fields)
    with pytest.raises(InvalidPrice, match=message):
        terms_of(made)
    with pytest.raises(InvalidCharge, match=message):
        publish(version=made.version, now=LONG_AGO)
