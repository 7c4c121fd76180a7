"""Share an amount out over parts, pro rata and to the last cent: by largest remainders. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from billing.exact import ZERO, exactly


def share_out(amount: Decimal, weights: Sequence[Decimal], *, unit: Decimal) -> list[Decimal]:
    """Return one share for each weight: multiples of ``unit`` that add up to exactly ``amount``.

    Each is less than a unit off its exact share. The units that are left go to the largest
    remainders, the first of equals first. Where all weights are zero, all shares are alike.
    Raises ValueError where there is no weight, one is below zero, or ``amount`` is no multiple of
    ``unit``.
    """
    if not weights or min(weights) < 0:
        raise ValueError("An amount is shared out by weights, none of them below zero.")
    with exactly():
        units = abs(amount) / unit
        whole = sum(weights, ZERO)
    if units != int(units):
        raise ValueError(f"{amount} is no multiple of {unit}.")
    sign = -1 if amount < 0 else 1
    scaled = [int(one.scaleb(24)) for one in weights] if whole else [1] * len(weights)
    return [sign * share * unit for share in _whole_units(int(units), scaled)]


def _whole_units(units: int, weights: Sequence[int]) -> list[int]:
    whole = sum(weights)
    parts = [divmod(units * weight, whole) for weight in weights]
    shares = [floor for floor, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda n: (-parts[n][1], n))
    for n in by_remainder[: units - sum(shares)]:
        shares[n] += 1
    return shares
