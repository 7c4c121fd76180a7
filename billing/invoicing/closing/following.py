"""What a draft leaves for the one after it, though neither is issued yet. Pure.

A period that is over and the one that runs are both drafts for some days: what the first one takes
of credit, or charges in advance, is not there for the second one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from billing.exact import ZERO, exactly
from billing.invoicing.charging.besides import Besides, Charged
from billing.invoicing.charging.bill import Credit, Discount
from billing.invoicing.charging.lines import Kind
from billing.invoicing.closing.draft_lines import DraftLine
from billing.invoicing.settling.correcting import Corrections


class Drafted(Protocol):
    """What counts of a draft."""

    @property
    def currency(self) -> str: ...
    @property
    def lines(self) -> Sequence[DraftLine]: ...
    @property
    def prepaid(self) -> Sequence[Credit]: ...
    @property
    def gross(self) -> Decimal: ...
    @property
    def credit_used(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Left:
    """What there is for a draft. ``credit`` by currency is what earlier invoices have left."""

    its: Besides
    credit: Mapping[str, Decimal]
    to_correct: Corrections


def after(left: Left, draft: Drafted) -> Left:
    """Return what is left once that draft is an invoice."""
    currency, paid = draft.currency, _prepaid(draft)
    taken = _amounts(draft, Kind.CREDIT)
    with exactly():
        used = {source: -amount for source, amount in taken.items()} | paid
        open_amount = draft.gross - sum(paid.values(), ZERO)
        credit = max(left.credit.get(currency, ZERO) - open_amount, ZERO)
    its = replace(
        left.its,
        charged=_charged(left.its, draft),
        discounts=_discounts(left.its, _amounts(draft, Kind.DISCOUNT)),
        credits=_credits(left.its, used),
    )
    waiting = {other: lines for other, lines in left.to_correct.items() if other != currency}
    return Left(its, {**left.credit, currency: credit}, waiting)


def _amounts(draft: Drafted, kind: Kind) -> dict[UUID, Decimal]:
    """Return what lines of a kind come to, by what they are of."""
    found: dict[UUID, Decimal] = {}
    with exactly():
        for line in draft.lines:
            if line.kind == kind and line.source_id:
                found[line.source_id] = found.get(line.source_id, ZERO) + line.amount
    return found


def _prepaid(draft: Drafted) -> dict[UUID, Decimal]:
    """Return what it is paid with of each credit that was paid ahead."""
    found = {}
    with exactly():
        to_pay = draft.gross - draft.credit_used
        for credit in draft.prepaid:
            if (amount := min(credit.left, to_pay)) > 0:
                found[credit.id] = amount
                to_pay -= amount
    return found


def _charged(its: Besides, draft: Drafted) -> Mapping[Charged, Decimal]:
    found = dict(its.charged)
    with exactly():
        for line in draft.lines:
            if line.kind == Kind.BASE_FEE and line.covers_from:
                key = line.covers_from, draft.currency, line.tax_class
                found[key] = found.get(key, ZERO) + line.amount
    return found


def _discounts(its: Besides, took: Mapping[UUID, Decimal]) -> list[tuple[Discount, str]]:
    """One for so many invoices has one less to lower, if it lowered this one."""
    found = []
    for discount, currency in its.discounts:
        if discount.left is not None and discount.id in took:
            discount = replace(discount, left=discount.left - 1)
        if discount.left != 0:
            found.append((discount, currency))
    return found


def _credits(its: Besides, used: Mapping[UUID, Decimal]) -> list[tuple[Credit, str]]:
    with exactly():
        credits = [
            (replace(credit, left=credit.left - used.get(credit.id, ZERO)), currency)
            for credit, currency in its.credits
        ]
    return [(credit, currency) for credit, currency in credits if credit.left > 0]
