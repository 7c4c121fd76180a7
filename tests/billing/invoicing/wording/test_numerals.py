"""Numbers and money are written as Babel writes them, but for a minus sign; rounded half up."""

from copy import copy
from decimal import Decimal

import pytest
from babel import Locale
from babel.numbers import format_currency, format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

from billing.exact import rounding
from billing.invoicing.wording.numerals import (
    exact_in,
    money_around,
    money_in,
    number_in,
    price_in,
)
from billing.invoicing.wording.pen import Pen

VALUES = st.decimals(min_value=-(10**40), max_value=10**40, places=14) | st.decimals(
    min_value=-2, max_value=2, places=14
)
LANGUAGES = st.sampled_from(["en", "de", "sv", "hi", "zh-hans"])
CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KWD", "CHF"])


def rounded(value: Decimal, digits: int) -> Decimal:
    """Round half up; there is no zero below zero."""
    with rounding():
        return value.quantize(Decimal(10) ** -digits) or Decimal(0)


def as_here(written: str) -> str:
    return written.replace("-", "−")


@given(value=VALUES, language=LANGUAGES, digits=st.integers(0, 6))
def test_a_number_has_so_many_digits_behind_its_point(value, language, digits):
    pattern = "#,##0." + "0" * digits if digits else "#,##0"
    with rounding():
        by_babel = format_decimal(rounded(value, digits), pattern, locale=babel(language))
    assert number_in(language, value, digits) == as_here(by_babel)


@given(value=VALUES, language=LANGUAGES, most=st.sampled_from([3, 12]))
def test_an_exact_number_has_those_digits_that_it_has(value, language, most):
    with rounding():
        by_babel = format_decimal(
            rounded(value, most), "#,##0." + "#" * most, locale=babel(language)
        )
    assert exact_in(language, value, most) == as_here(by_babel)


@given(value=VALUES, language=LANGUAGES, currency=CURRENCIES)
def test_money_has_the_digits_of_its_currency(value, language, currency):
    digits = {"JPY": 0, "KWD": 3}.get(currency, 2)
    with rounding():
        by_babel = format_currency(rounded(value, digits), currency, locale=babel(language))
    assert money_in(language, value, currency) == as_here(by_babel)


@given(value=VALUES, language=LANGUAGES, currency=CURRENCIES)
def test_a_price_has_all_its_digits_and_two_at_least(value, language, currency):
    pattern = copy(babel(language).currency_formats["standard"])
    pattern.frac_prec = (2, 12)
    with rounding():
        by_babel = pattern.apply(
            rounded(value, 12), babel(language), currency=currency, currency_digits=False
        )
    assert price_in(language, value, currency) == as_here(by_babel)


@given(
    rate=st.decimals(min_value=-1, max_value=5, places=7),
    language=st.sampled_from(["en", "de"]),
)
def test_a_share_is_written_in_percent(rate, language):
    with rounding():
        by_babel = format_percent(rounded(rate, 6), "#,##0.####\u00a0%", locale=babel(language))
    assert Pen(language, "EUR").percent(rate) == as_here(by_babel)


@pytest.mark.parametrize(
    ("language", "currency", "written"),
    [("en", "EUR", "€2,000"), ("de", "EUR", "2,000\u00a0€"), ("hi", "XYZ", "2,000 XYZ")],
)
def test_a_number_that_is_written_already_becomes_money(language, currency, written):
    assert money_around(language, "2,000", currency) == written


def babel(language: str) -> Locale:
    return Locale.parse(language, sep="-")
