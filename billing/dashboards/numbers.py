"""Numbers and money as a language writes them, by Babel's rules.

Babel works out a pattern for each number, which takes longer than all else on a page of tables.
Where digits are grouped by threes it comes to other signs alone; a test compares the two.
Below zero a minus sign stands, where Babel often has a hyphen.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import NamedTuple

from babel import Locale
from babel.numbers import (
    format_currency,
    format_decimal,
    get_currency_precision,
    get_decimal_symbol,
    get_group_symbol,
    is_currency,
)
from django.utils.translation import get_language, to_locale

from billing.exact import ROUNDING, with_room
from billing.invoicing.wording.pen import with_minus


class _Shape(NamedTuple):
    """How an amount of a currency is written, around its number."""

    before: str
    after: str
    digits: int


def page_language() -> str:
    return get_language() or "en"


def money_in(language: str, value: Decimal, currency: str) -> str:
    """Write money in a language: who writes hundreds asks once for the page's."""
    shape = _shape_of(currency, language)
    if shape is None or value < 0:
        with with_room():
            return with_minus(format_currency(value, currency, locale=locale_of(language)))
    rounded = value.quantize(_last_of(shape.digits), ROUND_HALF_EVEN, ROUNDING)
    return f"{shape.before}{number_in(language, rounded, shape.digits)}{shape.after}"


def money_around(language: str, number: str, currency: str) -> str:
    """Write a number that is written already as money: €2,000."""
    shape = _shape_of(currency, language)
    return f"{shape.before}{number}{shape.after}" if shape else f"{number} {currency}"


@cache
def is_money(unit: str) -> bool:
    """Say if a unit is a currency, whose amounts are written as money."""
    return is_currency(unit)


def number_in(language: str, value: Decimal, digits: int) -> str:
    """Write a number with so many digits behind its point, rounded half up."""
    rounded = value.quantize(_last_of(digits), context=ROUNDING)
    rounded = rounded or abs(rounded)  # there is no zero below zero
    symbols = _symbols(language)
    if symbols is None:
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        with with_room():
            return with_minus(format_decimal(rounded, pattern, locale=locale_of(language)))
    written = f"{rounded:,f}"
    return with_minus(written.translate(symbols) if symbols else written)


@cache
def _last_of(digits: int) -> Decimal:
    """Return one in the last of so many digits: 0.01."""
    return Decimal(1).scaleb(-digits)


@cache
def locale_of(language: str) -> Locale:
    return Locale.parse(to_locale(language))


@cache
def _symbols(language: str) -> Mapping[int, str] | None:
    """Return the signs of a language, by Python's where they differ; None where digits are grouped
    otherwise.
    """
    locale = locale_of(language)
    if locale.decimal_formats[None].grouping != (3, 3):
        return None
    signs = {",": get_group_symbol(locale), ".": get_decimal_symbol(locale)}
    return str.maketrans({sign: own for sign, own in signs.items() if own != sign})


@cache
def _shape_of(currency: str, language: str) -> _Shape | None:
    locale, symbols = locale_of(language), _symbols(language)
    if symbols is None:
        return None
    digits = get_currency_precision(currency)
    one = f"{Decimal(1).quantize(Decimal(1).scaleb(-digits)):f}".translate(symbols)
    before, found, after = format_currency(Decimal(1), currency, locale=locale).partition(one)
    return _Shape(before, after, digits) if found else None
