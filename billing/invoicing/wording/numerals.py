"""Numbers and money as Babel's patterns write them, rounded half up. Pure.

Babel works out its pattern for each number, which takes longer than all else on a page of tables.
Where digits are grouped by threes it comes to other signs alone; a test compares the two.
Below zero a minus sign stands, where Babel often has a hyphen, which is half as wide.
"""

from collections.abc import Mapping
from copy import copy
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from babel import Locale
from babel.numbers import (
    format_currency,
    format_decimal,
    get_currency_precision,
    get_decimal_symbol,
    get_group_symbol,
)

from billing.exact import ROUNDING, rounding

ALL_DIGITS = 12  # as many as prices and quantities have


class _Signs(NamedTuple):
    """What stands before and after a number that is money."""

    before: str
    after: str


def number_in(language: str, value: Decimal, digits: int) -> str:
    """Write a number with so many digits behind its point."""
    return _number(language, value, digits, digits)


def exact_in(language: str, value: Decimal, most: int = ALL_DIGITS) -> str:
    """Write a number with the digits that it has behind its point, ``most`` of them."""
    return _number(language, value, 0, most)


def money_in(language: str, value: Decimal, currency: str) -> str:
    """Write an amount with the digits of its currency."""
    digits = _digits_of(currency)
    return _as_money(language, value, currency, digits, digits)


def price_in(language: str, value: Decimal, currency: str) -> str:
    """Write a price with every digit that it has: €0.000023."""
    return _as_money(language, value, currency, 2, ALL_DIGITS)


def money_around(language: str, number: str, currency: str) -> str:
    """Write a number that is written already, and is not below zero, as money: €2,000."""
    signs = _signs(language, currency, is_negative=False)
    return f"{signs.before}{number}{signs.after}" if signs else f"{number} {currency}"


@cache
def locale_of(language: str) -> Locale:
    """Return what Babel knows of a language as Django calls it: de, zh-hans."""
    return Locale.parse(language, sep="-")


def _with_minus(number: str) -> str:
    """Write a number below zero with a minus sign."""
    return number.replace("-", "−")


def _number(language: str, value: Decimal, least: int, most: int) -> str:
    rounded = _rounded(value, most)
    symbols = _symbols(language)
    if symbols is None:
        pattern = "#,##0." + "0" * least + "#" * (most - least)
        with rounding():
            written = format_decimal(rounded, pattern.rstrip("."), locale=locale_of(language))
    else:
        written = _written(rounded, least, most).translate(symbols)
    return _with_minus(written)


def _as_money(language: str, value: Decimal, currency: str, least: int, most: int) -> str:
    rounded = _rounded(value, most)
    signs = _signs(language, currency, is_negative=rounded < 0)
    if signs is None:
        locale = locale_of(language)
        pattern = copy(locale.currency_formats["standard"])
        pattern.frac_prec = (least, most)
        with rounding():
            said = pattern.apply(rounded, locale, currency=currency, currency_digits=False)
        return _with_minus(str(said))
    number = _number(language, rounded.copy_abs(), least, most)
    return f"{signs.before}{number}{signs.after}"


def _rounded(value: Decimal, digits: int) -> Decimal:
    rounded = value.quantize(_last_of(digits), context=ROUNDING)
    return rounded or abs(rounded)  # there is no zero below zero


def _written(rounded: Decimal, least: int, most: int) -> str:
    written = f"{rounded:,f}"
    if least == most:
        return written
    whole, _, digits = written.partition(".")
    digits = digits.rstrip("0").ljust(least, "0")
    return f"{whole}.{digits}" if digits else whole


@cache
def _last_of(digits: int) -> Decimal:
    """Return one in the last of so many digits: 0.01."""
    return Decimal(1).scaleb(-digits)


@cache
def _digits_of(currency: str) -> int:
    return get_currency_precision(currency)


@cache
def _symbols(language: str) -> Mapping[int, str] | None:
    """Return the signs of a language, by Python's where they differ; None where digits are grouped
    otherwise than by threes.
    """
    locale = locale_of(language)
    if locale.decimal_formats[None].grouping != (3, 3):
        return None
    signs = {",": get_group_symbol(locale), ".": get_decimal_symbol(locale)}
    return str.maketrans({sign: own for sign, own in signs.items() if own != sign})


@cache
def _signs(language: str, currency: str, *, is_negative: bool) -> _Signs | None:
    """Return None where Babel's own pattern is to be asked."""
    symbols = _symbols(language)
    if symbols is None:
        return None
    one = Decimal(-1 if is_negative else 1)
    written = _with_minus(format_currency(one, currency, locale=locale_of(language)))
    number = f"{abs(one).quantize(_last_of(_digits_of(currency))):f}".translate(symbols)
    before, found, after = written.partition(number)
    return _Signs(before, after) if found else None
