"""Write words, amounts, quantities and days in a document's language. Pure."""

from copy import copy
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from billing.exact import ROUNDING
from billing.invoicing.wording.phrases import say

LOCALES = {"en": Locale("en"), "de": Locale("de", "DE")}


def with_minus(number: str) -> str:
    """Write a number below zero with a minus sign: Babel takes a hyphen, which is half as wide."""
    return number.replace("-", "−")


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes in a language, amounts in a currency.

    With ``places`` it rounds quantities, and what they come to: of one below 1 it keeps as many
    digits. Without, it writes every digit.
    """

    language: str
    currency: str
    places: int | None = None

    @property
    def locale(self) -> Locale:
        return LOCALES.get(self.language, LOCALES["en"])

    def say(self, phrase: str) -> str:
        return say(phrase, self.language)

    def money(self, amount: Decimal) -> str:
        with localcontext(ROUNDING):  # Python's own holds fewer digits than an amount may have
            return with_minus(format_currency(amount, self.currency, locale=self.locale))

    def price(self, amount: Decimal) -> str:
        """Write every digit that a price has."""
        pattern = copy(self.locale.currency_formats["standard"])
        pattern.frac_prec = (2, 12)
        with localcontext(ROUNDING):
            said = pattern.apply(amount, self.locale, currency=self.currency, currency_digits=False)
        return with_minus(str(said))

    def part(self, amount: Decimal) -> str:
        """Write what a part of a line comes to, before the line is rounded."""
        return self.price(self._rounded(amount))

    def percent(self, rate: Decimal) -> str:
        return with_minus(format_percent(rate, "#,##0.####\u00a0%", locale=self.locale))

    def number(self, value: Decimal) -> str:
        shown = self._rounded(value)
        with localcontext(ROUNDING):
            return with_minus(format_decimal(shown, "#,##0.############", locale=self.locale))

    def _rounded(self, value: Decimal) -> Decimal:
        if self.places is None:
            return value
        if abs(value) < 1:
            return Context(prec=self.places).plus(value)
        return value.quantize(Decimal(1).scaleb(-self.places), context=ROUNDING)

    def amount_of(self, quantity: Decimal, unit: str) -> str:
        return f"{self.number(quantity)}\u00a0{unit}".strip()

    def day(self, day: date) -> str:
        return format_date(day, "d MMM y" if self.language == "en" else "dd.MM.y", self.locale)

    def days(self, first: date, last: date) -> str:
        return f"{self.day(first)} – {self.day(last)}"
