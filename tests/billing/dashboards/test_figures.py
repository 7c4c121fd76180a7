"""How figures are written: pure."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from babel.numbers import format_decimal
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from billing.dashboards.metrics import Change
from billing.periods import Days
from billing.templatetags import figures
from billing.templatetags.figures import FIVE_DIGITS


@given(
    value=st.decimals(min_value=-(10**12), max_value=10**12, places=5),
    language=st.sampled_from(["en", "de", "sv", "hi"]),
)
def test_a_number_is_written_as_babel_writes_it_but_for_a_minus_sign(value, language):
    rounded = FIVE_DIGITS.plus(value)
    digits = 0 if abs(rounded) >= 1000 else 2 if rounded % 1 else 0
    rounded = rounded.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) + 0  # no zero below zero
    with override(language):
        number = figures.headline(value, "things").number
        pattern = "#,##0.00" if digits else "#,##0"
        assert number == format_decimal(rounded, pattern, locale=language).replace("-", "−")


def test_every_digit_of_a_number_below_zero_stands_behind_a_minus_sign():
    assert figures.exact(Decimal("-0.25")) == "−0.25"


@pytest.mark.parametrize("language", ["en", "de", "hi"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_figure_is_written_whatever_its_size(sign, language):
    value = sign * Decimal("1e40")
    with override(language):
        for said, zeros in (
            (figures.money(value, "EUR"), 42),
            (figures.unit_price(value, "EUR"), 42),
            (figures.exact(value), 40),
            (figures.amount(value, "requests"), 40),
            (figures.amount(value, "GB"), 34),
            (figures.amount(value, "h"), 34),
            (figures.tick_in(float(value), "GB"), 40),
            (figures.percent(Change(value + 1, Decimal(1))), 43),
        ):
            assert "".join(filter(str.isdigit, str(said))) == "1" + zeros * "0", said


def written(text: object) -> str:
    return str(text).replace(figures.NBSP, " ")


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("9840", "GB", "9.84 TB"),
        ("0.5", "GB", "500 MB"),
        ("999.999", "GB", "1 TB"),
        ("0", "GB", "0 GB"),
        ("5213400.25", "GB·h", "5.21 M GB·h"),
        ("412000", "GB·h", "412 k GB·h"),
        ("212.0725", "h", "212 h 04 m"),
        ("0.7", "h", "42 m"),
        ("0", "h", "0 h"),
        ("12840.4", "h", "12,840 h"),
        ("17", "requests", "17 requests"),
        ("-1204.5", "EUR", "−€1,204.50"),
    ],
)
def test_an_amount_has_its_unit_and_few_digits(value, unit, expected):
    assert written(figures.amount(Decimal(value), unit)) == expected


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ("102.4", "100", "+2.4 %"),
        ("92.9", "100", "−7.1 %"),
        ("100", "100", "±0.0 %"),
        ("5", "0", "new"),
        ("0", "0", "–"),
    ],
)
def test_a_change_has_its_sign(now, before, expected):
    assert written(figures.percent(Change(Decimal(now), Decimal(before)))) == expected


def test_money_is_rounded_by_its_currency_and_prices_are_not():
    assert figures.money(Decimal("3812.4"), "EUR") == "€3,812.40"
    assert figures.money(Decimal("3812"), "JPY") == "¥3,812"
    assert figures.unit_price("0.000691500", "EUR") == "€0.0006915"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.593255833333", "0.593"),
        ("-11.666666667", "−11.667"),
        ("0.000002222222", "0.00000222"),
        ("84", "84"),
        ("0", "0"),
        ("6603132.4", "6,603,132.4"),
    ],
)
def test_a_quantity_that_is_looked_over_has_three_places_or_as_many_digits(value, expected):
    assert figures.rounded(Decimal(value)) == expected


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [
        (date(2026, 11, 1), date(2026, 11, 24), "1–23 Nov 2026"),
        (date(2026, 11, 1), date(2026, 11, 2), "1 Nov 2026"),
        (date(2026, 10, 25), date(2026, 11, 24), "25 Oct – 23 Nov 2026"),
        (date(2025, 12, 25), date(2026, 1, 4), "25 Dec 2025 – 3 Jan 2026"),
    ],
)
def test_days_are_written_as_people_do(first, end, expected):
    assert figures.span(Days(first, end)) == expected


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [
        (date(2026, 10, 1), date(2026, 10, 23), "1–22 Oct"),
        (date(2025, 12, 1), date(2026, 3, 1), "1 Dec – 28 Feb"),
        (date(2025, 11, 1), date(2026, 11, 1), "1 Nov 2025 – 31 Oct 2026"),
        (date(2024, 1, 1), date(2025, 1, 1), "1 Jan – 31 Dec 2024"),
    ],
)
def test_a_short_span_has_a_year_where_one_may_ask_which(first, end, expected):
    assert figures.short_span(Days(first, end)) == expected


def test_a_day_without_its_year_is_written_as_the_language_has_it():
    with override("de"):
        assert figures.without_year(date(2026, 11, 1)) == "1. Nov"
        assert figures.short_span(Days(date(2026, 11, 1), date(2026, 11, 30))) == "1.–29. Nov"


def test_a_day_has_its_year_among_many():
    first, end = date(2025, 11, 1), date(2026, 11, 1)
    assert figures.day_among(first, Days(first, end)) == "1 Nov 2025"
    assert figures.day_among(first, Days(first, date(2025, 12, 1))) == "1 Nov"


@pytest.mark.parametrize(
    ("now", "direction"),
    [("100.04", "same"), ("99.96", "same"), ("100.05", "more"), ("99.95", "less"), ("100", "same")],
)
def test_a_change_that_shows_as_nothing_has_no_colour(now, direction):
    assert Change(now=Decimal(now), before=Decimal(100)).direction == direction


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (500, "k GB·h", "500 k"),
        (1000, "k GB·h", "1 M"),
        (-2000, "M GB·h", "−2 G"),
        (1000, "GB·h", "1 k GB·h"),
        (1500, "GB", "1.5 TB"),
        (1000, "h", "1,000 h"),
        (1_000_000, "h", "1 M h"),
        (1000, "calls", "1,000 calls"),
        (2000, "EUR", "€2,000"),
    ],
)
def test_a_tick_goes_on_in_the_next_unit_from_where_that_begins(value, unit, expected):
    assert figures.tick_in_scale(float(value), unit) == expected
