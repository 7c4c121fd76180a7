"""Rate the usage of several together, and share the amount out to the last cent. Pure."""

from collections.abc import Sequence

from billing.exact import ZERO, exactly
from billing.invoicing.charging.agreed import Price
from billing.invoicing.charging.lines import RatedLine
from billing.invoicing.charging.sharing import share_out
from billing.pricing.currencies import minor_unit, round_amount
from billing.pricing.rating import Usage, rate
from billing.pricing.tiers import ONE, Step


def rate_together(
    prices: Sequence[Price], members: Sequence[Sequence[Usage]], *, currency: str
) -> list[list[RatedLine]]:
    """Return each member's lines: for each of the prices, its share of what all of them cost.

    ``members`` has the usage of each, in the order of the prices. Shares are pro rata to quantities
    and add up to exactly the rounded amount of all; where nobody used anything, they are alike.
    """
    columns = [
        _shared(price, [usage[n] for usage in members], currency) for n, price in enumerate(prices)
    ]
    return [[column[m] for column in columns] for m in range(len(members))]


def _shared(price: Price, each: Sequence[Usage], currency: str) -> list[RatedLine]:
    with exactly():
        quantity = sum((max(one.quantity, ZERO) for one in each), ZERO)
    together = rate(Usage(quantity, [event for one in each for event in one.events]), price.terms)
    amount = round_amount(together.amount, currency)
    weights = [max(one.quantity, ZERO) for one in each]
    lines = []
    for one, share in zip(each, share_out(amount, weights, unit=minor_unit(currency)), strict=True):
        with exactly():
            others, theirs = share - together.amount, quantity - max(one.quantity, ZERO)
        step = Step(theirs, quantity or None, ONE, others, others, "shared")
        used_alone = quantity and not theirs
        lines.append(
            RatedLine(
                service_id=price.service.pk,
                service_name=price.service.name,
                quantity=one.quantity,
                unit=price.service.unit,
                amount=share,
                working=together.working if used_alone else (*together.working, step),
                value=price.part.value,
                tax_class=price.tax_class,
            )
        )
    return lines
