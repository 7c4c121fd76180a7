"""What a charge comes to at some quantities, to see while its prices are edited. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from billing.exact import ROUNDING
from billing.pricing.currencies import round_amount
from billing.pricing.prices import Terms
from billing.pricing.rating import Usage, rate

QUANTITIES = (Decimal(1), Decimal(100), Decimal(10_000))
PRICE_STEP = Decimal("1e-6")


@dataclass(frozen=True, slots=True)
class Example:
    """What a quantity costs, rounded as on an invoice, and what that makes for each unit."""

    quantity: Decimal
    amount: Decimal
    per_unit: Decimal


def examples(
    terms: Terms, *, currency: str, quantities: Iterable[Decimal] = QUANTITIES
) -> Iterator[Example]:
    """Yield what each quantity costs in a period; where events count, as a single event."""
    for quantity in quantities:
        amount = round_amount(rate(Usage(quantity, (quantity,)), terms).amount, currency)
        per_unit = ROUNDING.divide(amount, quantity).quantize(PRICE_STEP, context=ROUNDING)
        yield Example(quantity, amount, per_unit)
