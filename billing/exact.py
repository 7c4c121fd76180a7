"""Decimal arithmetic that loses nothing.

Python's default context keeps 28 digits, and a petabyte over a month in byte × microseconds has
more: it would be rounded without a word.
"""

from contextlib import AbstractContextManager
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from decimal import localcontext as _localcontext

ZERO = Decimal(0)
DIGITS = 200  # a figure has up to 60, a price 30; their products and sums stay far below
# Inexact is trapped: an operation that would lose a digit raises instead.
EXACT = Context(prec=DIGITS, traps=[Inexact, InvalidOperation, DivisionByZero])
ROUNDING = Context(prec=DIGITS, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero])
QUANTITY_STEP = Decimal("1e-12")  # as fine as the tables keep quantities


def exactly() -> AbstractContextManager[Context]:
    """Let the arithmetic inside raise decimal.Inexact before it loses a digit."""
    return _localcontext(EXACT)


def rounding() -> AbstractContextManager[Context]:
    """Let the arithmetic inside round half up where it must, whatever the size of its numbers."""
    return _localcontext(ROUNDING)


def in_units(figure: Decimal, *, unit_size: Decimal) -> Decimal:
    """Return how many units ``figure`` makes, to twelve places: 7200 s are 2 h.

    This is the one division between events and money. Invoices keep and price its result.
    """
    return ROUNDING.divide(figure, unit_size).quantize(QUANTITY_STEP, context=ROUNDING)


def plain(number: Decimal) -> str:
    """Return the number in full, without an exponent or trailing zeros."""
    return f"{number.normalize(EXACT):f}"
