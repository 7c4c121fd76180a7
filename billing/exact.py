"""Decimal arithmetic that never rounds: where it would have to, it raises decimal.Inexact."""

from decimal import Context, DivisionByZero, Inexact, InvalidOperation, Overflow

# 100 digits: a level of 10³⁶ with 12 decimals, times the microseconds of a thousand years.
EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
