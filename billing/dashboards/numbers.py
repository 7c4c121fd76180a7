"""What pages know of numbers: the language to write them in, and which units are money."""

from functools import cache

from babel.numbers import is_currency
from django.utils.translation import get_language


def page_language() -> str:
    return get_language() or "en"


@cache
def is_money(unit: str) -> bool:
    """Say if a unit is a currency, whose amounts are written as money."""
    return is_currency(unit)
