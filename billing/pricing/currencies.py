"""Currencies of ISO 4217, and the one place where money is rounded."""

from decimal import Decimal
from functools import cache

from babel.numbers import is_currency
from django.utils.translation import gettext

from billing.exact import ROUNDING

# ISO 4217. Babel's digits are those of everyday use, which differ: it gives the dinar of Iraq none
# where the standard has three.
WITHOUT_MINOR_UNIT = ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"]
WITHOUT_MINOR_UNIT += ["UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"]
EXPONENTS = {
    **dict.fromkeys(WITHOUT_MINOR_UNIT, 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
USUAL_EXPONENT = 2


class UnknownCurrency(Exception):
    """The code stands for no currency."""

    def __init__(self, currency: str) -> None:
        text = gettext("{currency} is no ISO 4217 currency code.")
        super().__init__(text.format(currency=repr(currency)))


def round_amount(amount: Decimal, currency: str) -> Decimal:
    """Round half up, away from zero, to the currency's minor unit. Nothing else rounds money.

    Raises UnknownCurrency.
    """
    return amount.quantize(minor_unit(currency), context=ROUNDING)


@cache
def minor_unit(currency: str) -> Decimal:
    """Return the smallest amount of the currency: 0.01 EUR, 1 JPY, 0.001 KWD."""
    if not is_currency(currency):
        raise UnknownCurrency(currency)
    return Decimal(1).scaleb(-EXPONENTS.get(currency, USUAL_EXPONENT))
