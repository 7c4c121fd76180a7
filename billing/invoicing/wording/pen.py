"""Write words, amounts, quantities and days in a document's language. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal

from babel import Locale
from babel.dates import format_date

from billing.exact import ROUNDING
from billing.invoicing.wording.numerals import exact_in, money_in, price_in
from billing.invoicing.wording.phrases import say

LOCALES = {"en": Locale("en"), "de": Locale("de", "DE")}
HUNDRED = Decimal(100)


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
        return money_in(self.locale.language, amount, self.currency)

    def price(self, amount: Decimal) -> str:
        """Write every digit that a price has."""
        return price_in(self.locale.language, amount, self.currency)

    def part(self, amount: Decimal) -> str:
        """Write what a part of a line comes to, before the line is rounded."""
        return self.price(self._rounded(amount))

    def percent(self, rate: Decimal) -> str:
        """Write a share, such as 0.19, with four digits behind its point at most: 19 %."""
        share = exact_in(self.locale.language, ROUNDING.multiply(rate, HUNDRED), most=4)
        return f"{share}\u00a0%"

    def number(self, value: Decimal) -> str:
        return exact_in(self.locale.language, self._rounded(value))

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
