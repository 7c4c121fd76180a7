"""Rating beside the bare arithmetic: one multiplication of the same numbers, rounded once.

By the processor's time, so that what else runs on the machine counts for nothing.
"""

import random
import time
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from billing.pricing.prices import Graduated, Package, PerUnit, Price, Terms, Volume
from billing.pricing.rating import Usage, rate
from billing.pricing.tiers import Tier, Tiers
from tests.benchmarks.harness import Bar, Measure, Options, Side, compare

QUANTITIES = 50_000
SIMPLE, TIERED = 200_000, 50_000  # a second
CENT = Decimal("0.01")
PRICE = Decimal("0.000123")
TWENTY = Tiers(
    (
        *(
            Tier(Decimal(500 * n), Decimal("0.05") - Decimal("0.001") * n, flat_fee=Decimal(n % 2))
            for n in range(1, 20)
        ),
        Tier(None, Decimal("0.02")),
    )
)


def per_unit(name: str, options: Options) -> Iterator[Measure]:
    yield _measure(name, options, PerUnit(PRICE), bar=SIMPLE)


def package(name: str, options: Options) -> Iterator[Measure]:
    yield _measure(name, options, Package(Decimal(5), Decimal(100)), bar=SIMPLE)


def volume(name: str, options: Options) -> Iterator[Measure]:
    yield _measure(name, options, Volume(TWENTY), bar=SIMPLE)


def graduated(name: str, options: Options) -> Iterator[Measure]:
    yield _measure(name, options, Graduated(TWENTY), bar=TIERED)


def _measure(name: str, options: Options, price: Price, *, bar: int) -> Measure:
    dice = random.Random(7)
    quantities = [
        Decimal(dice.randrange(12_000_000_000)).scaleb(-6)  # all over the tiers and above
        for _ in range(int(QUANTITIES * options.scale))
    ]
    enough = Bar(f"≥ {bar:,} a second", lambda measure: measure.ours >= bar)
    ours, raw = _rated(quantities, Terms(price)), _multiplied(quantities)
    return compare(name, "charges/s", ours=ours, raw=raw, bars=[enough])


def _rated(quantities: list[Decimal], terms: Terms) -> Side:
    def side(run: int) -> float:
        start = time.process_time()
        for quantity in quantities:
            rate(Usage(quantity), terms)
        return len(quantities) / (time.process_time() - start)

    return side


def _multiplied(quantities: list[Decimal]) -> Side:
    def side(run: int) -> float:
        start = time.process_time()
        for quantity in quantities:
            (quantity * PRICE).quantize(CENT, ROUND_HALF_UP)
        return len(quantities) / (time.process_time() - start)

    return side
