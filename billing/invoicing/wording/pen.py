"""Write words, amounts, quantities and days in a document's language. Pure."""

from copy import copy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from billing.invoicing.wording.phrases import say

LOCALES = {"en": Locale("en"), "de": Locale("de", "DE")}


def with_minus(number: str) -> str:
    """Write a number below zero with a minus sign: Babel takes a hyphen, which is half as wide."""
    return number.replace("-", "−")


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes in a language, amounts in a currency."""

    language: str
    currency: str

    @property
    def locale(self) -> Locale:
        return LOCALES.get(self.language, LOCALES["en"])

    def say(self, phrase: str) -> str:
        return say(phrase, self.language)

    def money(self, amount: Decimal) -> str:
        return with_minus(format_currency(amount, self.currency, locale=self.locale))

    def price(self, amount: Decimal) -> str:
        """Write every digit that a price has."""
        pattern = copy(self.locale.currency_formats["standard"])
        pattern.frac_prec = (2, 12)
        written = pattern.apply(amount, self.locale, currency=self.currency, currency_digits=False)
        return with_minus(str(written))

    def percent(self, rate: Decimal) -> str:
        return with_minus(format_percent(rate, "#,##0.####\u00a0%", locale=self.locale))

    def number(self, value: Decimal) -> str:
        return with_minus(format_decimal(value, "#,##0.############", locale=self.locale))

    def amount_of(self, quantity: Decimal, unit: str) -> str:
        return f"{self.number(quantity)}\u00a0{unit}".strip()

    def day(self, day: date) -> str:
        return format_date(day, "d MMM y" if self.language == "en" else "dd.MM.y", self.locale)

    def days(self, first: date, last: date) -> str:
        return f"{self.day(first)} – {self.day(last)}"
