"""Credit: what invoices of a negative total leave, to be set against the next ones. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from billing.exact import ZERO, exactly


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be paid of an invoice. None of the amounts is negative."""

    credit: Decimal  # that earlier invoices left
    to_pay: Decimal
    left: Decimal  # for later invoices


def settle(totals: Iterable[Decimal]) -> Iterator[Settled]:
    """Set the credit of invoices in one currency, in the order of their issue, against the next."""
    credit = ZERO
    for total in totals:
        with exactly():
            due = total - credit
        settled = Settled(credit, to_pay=max(due, ZERO), left=max(-due, ZERO))
        yield settled
        credit = settled.left
