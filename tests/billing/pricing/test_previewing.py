"""What a charge would cost, and what a version changes: both pure."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.pricing.differences import differences
from billing.pricing.previewing import examples
from billing.pricing.prices import Graduated, Percentage, PerUnit, Terms
from billing.pricing.tiers import Tier, Tiers

texts = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2"]))


def test_examples_are_rounded_as_on_an_invoice_and_say_what_a_unit_comes_to() -> None:
    tiers = Tiers((Tier(Decimal(50), Decimal("0.1")), Tier(None, Decimal("0.0333"))))
    found = list(examples(Terms(Graduated(tiers)), currency="EUR"))
    assert [(one.quantity, one.amount) for one in found] == [
        (Decimal(1), Decimal("0.10")),
        (Decimal(100), Decimal("6.67")),
        (Decimal(10_000), Decimal("336.34")),
    ]
    assert found[2].per_unit == Decimal("0.033634")


def test_examples_in_yen_have_no_cents() -> None:
    [one, *_] = examples(Terms(PerUnit(Decimal("1.5"))), currency="JPY")
    assert one.amount == 2


def test_examples_of_events_are_one_event_each() -> None:
    price = Percentage(Decimal("0.01"), fee=Decimal("0.3"))
    [one, hundred, _] = examples(Terms(price), currency="EUR")
    assert (one.amount, hundred.amount) == (Decimal("0.31"), Decimal("1.30"))


def test_differences_are_sentences() -> None:
    before = {"Currency": "EUR", "Storage, per GB·h": "0.1", "Hours, per h": "3"}
    after = {"Currency": "EUR", "Storage, per GB·h": "0.08", "Calls, per call": "1"}
    assert differences(before, after) == [
        "Storage, per GB·h: 0.08; it was 0.1.",
        "Calls, per call: new, 1.",
        "Hours, per h: no more; it was 3.",
    ]


@given(texts, texts)
def test_there_is_one_for_each_thing_that_differs_and_none_between_equals(
    before: dict[str, str], after: dict[str, str]
) -> None:
    names = {name for name in before.keys() | after if before.get(name) != after.get(name)}
    assert {said.partition(":")[0] for said in differences(before, after)} == names
    assert len(differences(before, after)) == len(names)
