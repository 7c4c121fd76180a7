"""Value added tax: who owes which, and the tax lines of an invoice. Pure.

Tax is worked out once for each category and rate, on the sum of its lines, and rounded there, half
up. Rates do not compound: each is taken of its own lines' net amounts, never of another tax.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from enum import StrEnum

from django.utils.translation import gettext

from billing.exact import DIGITS, ROUNDING, ZERO, exactly, plain
from billing.pricing.currencies import minor_unit, round_amount
from billing.pricing.tax_classes import EXEMPT_CLASS, STANDARD_CLASS

HUNDRED = Decimal(100)
FLOORING = Context(prec=DIGITS)

_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(_EU.split(" "))


class Category(StrEnum):
    """How VAT treats a line, as UNTDID 5305 codes it and EN 16931 wants it."""

    STANDARD = "S"
    ZERO_RATED = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    OUTSIDE_SCOPE = "O"


class NoRate(Exception):
    """There is no VAT rate to take. The message says which, and what to do."""

    def __init__(self, country: str, tax_class: str) -> None:
        why = gettext(
            "There is no {tax_class} VAT rate of {country}: add it to the seller's legal entity."
        )
        super().__init__(why.format(tax_class=tax_class, country=country))


@dataclass(frozen=True, slots=True)
class Taxpayer:
    """What VAT asks of a party: its country (ISO 3166), its VAT id, why it is exempt."""

    country: str = ""
    vat_id: str = ""
    exempt_reason: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Treatment:
    """What VAT a line bears: ``rate`` is in per cent. Where it bears none, the reason why."""

    category: Category
    rate: Decimal = ZERO
    reason_code: str = ""  # of the VATEX list
    reason: str = ""  # in words of one's own; else words.py says it in the document's language


REVERSE_CHARGE = Treatment(Category.REVERSE_CHARGE, reason_code="VATEX-EU-AE")
OUTSIDE_SCOPE = Treatment(Category.OUTSIDE_SCOPE, reason_code="VATEX-EU-O")


@dataclass(frozen=True, slots=True)
class TaxLine:
    """The tax of all lines that are treated alike; ``net`` and ``tax`` are rounded."""

    treatment: Treatment
    net: Decimal
    tax: Decimal

    @property
    def gross(self) -> Decimal:
        with exactly():
            return self.net + self.tax


def net_of(taxes: Iterable[TaxLine]) -> Decimal:
    with exactly():
        return sum((line.net for line in taxes), ZERO)


def tax_of(taxes: Iterable[TaxLine]) -> Decimal:
    with exactly():
        return sum((line.tax for line in taxes), ZERO)


def gross_of(taxes: Iterable[TaxLine]) -> Decimal:
    with exactly():
        return sum((line.gross for line in taxes), ZERO)


Rates = Mapping[tuple[str, str], Decimal]
"""In per cent, by country and tax class."""


def treatment(
    *, seller: Taxpayer, buyer: Taxpayer, rates: Rates, tax_class: str = STANDARD_CLASS
) -> Treatment:
    """Return how a service that is supplied electronically is taxed. A buyer without a country is
    taken to be in the seller's.

    Raises NoRate.
    """
    if not seller.vat_id and not seller.exempt_reason:
        return OUTSIDE_SCOPE  # who is not registered charges no VAT
    if reason := seller.exempt_reason or buyer.exempt_reason:
        return Treatment(Category.EXEMPT, reason=reason)
    country = buyer.country or seller.country
    if country != seller.country and not {country, seller.country} <= EU:
        return OUTSIDE_SCOPE  # it is supplied where the buyer is
    if tax_class == EXEMPT_CLASS:
        return Treatment(Category.EXEMPT)
    if country == seller.country:
        return _taxed(country, rates, tax_class)
    if buyer.vat_id:
        return REVERSE_CHARGE
    # Consumers: the rate of their country, once the seller has registered for it; else its own.
    home = country if (country, tax_class) in rates else seller.country
    return _taxed(home, rates, tax_class)


@dataclass(frozen=True, slots=True)
class Taxation:
    """How all that a seller sells to a buyer is taxed, by its class; or None: not at all."""

    seller: Taxpayer
    buyer: Taxpayer
    rates: Rates | None

    def of(self, tax_class: str) -> Treatment:
        """Raises NoRate."""
        if self.rates is None:
            return OUTSIDE_SCOPE
        return treatment(
            seller=self.seller, buyer=self.buyer, rates=self.rates, tax_class=tax_class
        )


def tax_lines(
    amounts: Iterable[tuple[Treatment, Decimal]], *, currency: str, included: bool
) -> list[TaxLine]:
    """Return the tax of lines' rounded amounts, one line for each treatment, in a fixed order.

    ``included`` says whether the amounts contain the tax: then net and tax add up to exactly them.
    """
    with exactly():
        sums: dict[Treatment, Decimal] = {}
        for treated, amount in amounts:
            sums[treated] = sums.get(treated, ZERO) + amount
        return [_line(one, sums[one], currency, included) for one in sorted(sums)]


def tax_rows(lines: Iterable[TaxLine]) -> list[dict[str, str]]:
    """Return tax lines as an invoice keeps them."""
    return [
        {
            "category": line.treatment.category,
            "rate": plain(line.treatment.rate),
            "net": plain(line.net),
            "tax": plain(line.tax),
            "reason_code": line.treatment.reason_code,
            "reason": line.treatment.reason,
        }
        for line in lines
    ]


def net_amounts(
    amounts: Sequence[tuple[Treatment, Decimal]], *, currency: str, included: bool
) -> list[Decimal]:
    """Return each line's net amount: those of a treatment add up to the net of its tax line."""
    if not included:
        return [amount for _, amount in amounts]
    found = [ZERO] * len(amounts)
    for line in tax_lines(amounts, currency=currency, included=True):
        places = [n for n, (one, _) in enumerate(amounts) if one == line.treatment]
        ideal = [_net(amounts[n][1], line.treatment) for n in places]
        for place, net in zip(places, rounded_together(ideal, line.net, currency), strict=True):
            found[place] = net
    return found


def rounded_together(ideal: Sequence[Decimal], total: Decimal, currency: str) -> list[Decimal]:
    """Round amounts so that they add up to a rounded ``total``, each to a minor unit beside it.

    What rounding down leaves goes to those who lost most by it; to the first where it is equal.
    """
    unit = minor_unit(currency)
    with exactly():
        down = [one.quantize(unit, ROUND_FLOOR, FLOORING) for one in ideal]
        left = int((total - sum(down, ZERO)) / unit)
        by_loss = sorted(range(len(ideal)), key=lambda n: (down[n] - ideal[n], n))
        for place in by_loss[:left]:
            down[place] += unit
        return down


def _taxed(country: str, rates: Rates, tax_class: str) -> Treatment:
    rate = rates.get((country, tax_class))
    if rate is None:
        raise NoRate(country, tax_class)
    return Treatment(Category.STANDARD if rate else Category.ZERO_RATED, rate)


def _line(treated: Treatment, amount: Decimal, currency: str, included: bool) -> TaxLine:
    if not included:
        return TaxLine(treated, amount, round_amount(amount * treated.rate / HUNDRED, currency))
    net = round_amount(_net(amount, treated), currency)
    return TaxLine(treated, net, amount - net)


def _net(amount: Decimal, treated: Treatment) -> Decimal:
    """Return what is left of an amount without the tax in it, unrounded."""
    with exactly():
        return ROUNDING.divide(amount, 1 + treated.rate / HUNDRED)
