"""Make the bill of a period from its charges. Pure and exact; the order is always this one:

1. usage, each service by its terms: allowance first, then tiers (rating.py). Where the customer has
   a price of their own for a service, its terms stand in place of the plan's;
2. the base fee;
3. the minimum commitment: what 1 and 2 together fall short of it, as a line of its own;
4. discounts: those on a service first, then those on all, each kind in the order of their grant,
   each taken off what the ones before it left;
5. corrections of periods that were invoiced before, which were discounted in their own period;
6. granted credit, as far as there is something to be set against it;
7. tax, on what is left of each line;
8. prepaid credit. It is money that was paid before, so it does not lower what is taxed.

A charge's line is rounded once, before it comes here. A discount or credit is rounded once as well
and then shared out over the lines that it lowers, so each line's tax can be told.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import UUID

from billing.exact import ZERO, exactly
from billing.invoicing.charging.lines import Kind, Line, Share, fee
from billing.invoicing.charging.sharing import share_out
from billing.pricing.currencies import minor_unit, round_amount
from billing.pricing.tax_classes import STANDARD_CLASS
from billing.pricing.tiers import ONE, Step


@dataclass(frozen=True, slots=True)
class Discount:
    """Off one service, or off all lines: ``rate``, a share between 0 and 1, or else ``amount``.

    ``left`` is how many invoices it may lower yet; None is any number.
    """

    id: UUID | None
    text: str
    rate: Decimal | None = None
    amount: Decimal | None = None
    service_id: int | None = None
    left: int | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """What is left of a credit. Granted, it lowers what is taxed; prepaid, what is to be paid."""

    id: UUID
    text: str
    left: Decimal
    is_prepaid: bool = False


@dataclass(frozen=True, slots=True)
class Commitment:
    """The least that usage and base fees of a period come to, unrounded.

    ``of_others`` is how much of the bill's base fees is for other periods, and counts there.
    """

    amount: Decimal
    of_others: Decimal = ZERO
    tax_class: str = STANDARD_CLASS


@dataclass(frozen=True, slots=True)
class TaxLine:
    """A tax on the lines that it applies to. ``rate`` is a share; amounts are rounded."""

    text: str
    rate: Decimal
    base: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Taxable:
    """A line, and what discounts and credits have left of its amount."""

    line: Line
    net: Decimal


Tax = Callable[[Sequence[Taxable]], Sequence[TaxLine]]


def no_tax(lines: Sequence[Taxable]) -> Sequence[TaxLine]:
    return ()


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a prepaid credit a bill takes."""

    credit: Credit
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """``net`` is the sum of the lines, ``gross`` adds the taxes, ``to_pay`` is after prepayment.

    What falls below zero is no payment but credit for the next bills: see credit.py.
    """

    lines: tuple[Line, ...]
    net: Decimal
    taxes: tuple[TaxLine, ...] = ()
    gross: Decimal = ZERO
    prepaid: tuple[Used, ...] = ()
    to_pay: Decimal = ZERO


@dataclass(slots=True)
class _Draft:
    """The lines so far, and what is left of the amount of each that can be lowered."""

    currency: str
    lines: list[Line] = field(default_factory=list)
    nets: list[Decimal] = field(default_factory=list)

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.nets.append(line.amount)

    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), ZERO)


def make_bill(
    charges: Iterable[Line],
    *,
    currency: str,
    commitment: Commitment | None = None,
    discounts: Sequence[Discount] = (),
    corrections: Iterable[Line] = (),
    credits: Sequence[Credit] = (),
    tax: Tax = no_tax,
) -> Bill:
    """Return the bill of these charges, usage first and then base fees. See above for the order."""
    with exactly():
        draft = _Draft(currency)
        for line in charges:
            draft.add(line)
        _true_up(draft, commitment)
        for discount in sorted(discounts, key=lambda one: one.service_id is None):
            _discount(draft, discount)
        for line in corrections:
            draft.add(line)
        for credit in credits:
            if not credit.is_prepaid:
                _lower(draft, min(credit.left, draft.total()), _whole(draft), _line_of(credit))
        return _settled(draft, [one for one in credits if one.is_prepaid], tax)


def _true_up(draft: _Draft, commitment: Commitment | None) -> None:
    if commitment is None:
        return
    counted = draft.total() - commitment.of_others
    if (missing := commitment.amount - counted) > 0:
        working = (
            Step(ZERO, None, ONE, commitment.amount, commitment.amount, "commitment"),
            Step(ZERO, None, ONE, -counted, -counted, "counted"),
        )
        missing = round_amount(missing, draft.currency)
        line = fee(Kind.COMMITMENT, "Minimum commitment", missing, working)
        draft.add(replace(line, tax_class=commitment.tax_class))


def _discount(draft: _Draft, discount: Discount) -> None:
    touched = [
        index
        for index in _whole(draft)
        if discount.service_id in (None, draft.lines[index].service_id)
    ]
    base = sum((draft.nets[index] for index in touched), ZERO)
    off = base * discount.rate if discount.rate is not None else min(discount.amount or ZERO, base)
    line = Line(discount.service_id, discount.text, ONE, "", ZERO, (), Kind.DISCOUNT, discount.id)
    _lower(draft, round_amount(off, draft.currency), touched, line, rate=discount.rate or ZERO)


def _whole(draft: _Draft) -> list[int]:
    """Return which lines have something left that can be taken off."""
    return [index for index, net in enumerate(draft.nets) if net > 0]


def _lower(
    draft: _Draft, off: Decimal, touched: Sequence[int], line: Line, rate: Decimal = ZERO
) -> None:
    """Take an amount off some lines, and add the line that says so; none where it is nothing.

    Lines of several tax classes are lowered by a line for each class, which bears its tax.
    """
    if off <= 0 or not touched:
        return
    nets = [draft.nets[index] for index in touched]
    shares = share_out(off, nets, unit=minor_unit(draft.currency))
    by_class: defaultdict[str, list[Share]] = defaultdict(list)
    for index, net, share in zip(touched, nets, shares, strict=True):
        draft.nets[index] -= share
        by_class[draft.lines[index].tax_class].append(Share(index + 1, net, -rate, -share))
    for tax_class, working in by_class.items():
        if amount := sum((share.amount for share in working), ZERO):
            row = replace(line, amount=amount, working=tuple(working), tax_class=tax_class)
            draft.lines.append(row)
            draft.nets.append(ZERO)  # its shares are taken off the other lines already


def _line_of(credit: Credit) -> Line:
    return Line(None, credit.text, ONE, "", ZERO, (), Kind.CREDIT, credit.id)


def _settled(draft: _Draft, prepaid: Sequence[Credit], tax: Tax) -> Bill:
    taxes = tuple(tax([Taxable(*pair) for pair in zip(draft.lines, draft.nets, strict=True)]))
    net = draft.total()
    gross = to_pay = net + sum((one.amount for one in taxes), ZERO)
    used = []
    for credit in prepaid:
        if (amount := min(credit.left, to_pay)) > 0:
            used.append(Used(credit, amount))
            to_pay -= amount
    return Bill(tuple(draft.lines), net, taxes, gross, tuple(used), to_pay)
