"""Who uses the demo's platform, and what they use: made up, always alike. Pure.

Each day of each customer has a random generator of its own, so a day is the same whenever and in
whatever order it is made.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from billing.periods import start_of

SEED = 20_261_123
GB = 10**9
REGIONS = ["eu-central", "eu-central", "us-east"]  # where jobs run, by turns
WEEKEND = {5, 6}

UsageEvent = dict[str, Any]  # a CloudEvent


@dataclass(frozen=True)
class Customer:
    """How an organisation behaves. Days count from the demo's first day."""

    name: str
    plan: str
    stored_gb: int  # on its first day
    growth: float  # of what is stored, a day
    hours: float  # of execution on a working day
    weekend: float = 0.4  # how much of a working day a weekend's day is
    trend: float = 0.0  # of execution, a day
    joins: int = 0
    leaves: int | None = None  # deletes everything on that day
    huge_gb: Mapping[int, int] = field(default_factory=dict)  # files that come and go, by day


CUSTOMERS = [
    Customer(
        "Nordlicht Media", "Scale", 7_900, 0.0026, 7.5, trend=0.002, huge_gb={40: 640, 58: -640}
    ),
    Customer("Halden Genomics", "Scale", 5_200, 0.0068, 13.0, weekend=0.9, trend=0.004),
    Customer("Tern & Co", "Scale", 2_900, 0.0045, 3.6, huge_gb={17: 4_100, 36: -4_100, 81: 4_100}),
    Customer("Ostfeld Robotics", "Scale", 4_700, -0.0022, 11.5, trend=-0.003),
    Customer("Brightwater Labs", "Start", 3_300, 0.0014, 1.8),
    Customer("Kestrel Maps", "Start", 3_050, -0.0004, 2.9, weekend=1.0),
    Customer("Aldermoor Press", "Start", 860, 0.0031, 0.6, weekend=0.1),
    Customer("Vela Weather", "Scale", 1_900, 0.0029, 9.0, weekend=1.0, trend=0.001),
    Customer("Quarry Street Games", "Start", 1_200, 0.0052, 5.5, weekend=1.7, trend=0.006),
    Customer("Pinewood Clinic", "Start", 640, 0.0011, 0.9, weekend=0.2),
    Customer("Foxglove Studio", "Start", 410, 0.0075, 1.4, joins=41),
    Customer("Marram Freight", "Start", 1_450, 0.0009, 3.2, leaves=66),
]


def usage_of(
    customer: Customer, *, first: date, day: date, until: datetime
) -> Iterator[UsageEvent]:
    """Yield what a customer used on a day, up to ``until``; ``first`` is the demo's first day."""
    number = (day - first).days - customer.joins
    if number < 0:
        return
    dice = random.Random(f"{SEED}/{customer.name}/{(day - first).days}")  # noqa: S311
    if customer.leaves is not None and number >= customer.leaves:
        if number == customer.leaves:
            level = stored_at_start_of(customer, number)
            yield _storage(customer, day, timedelta(hours=17), -level, "everything")
        return
    events = [
        *_changes_of_storage(customer, number, day, dice),
        *_jobs(customer, number, day, dice),
    ]
    yield from (event for event in events if event["time"] <= until)


def stored_at_start_of(customer: Customer, number: int) -> int:
    """Return the bytes that stand at the start of a customer's day, without its huge files."""
    if number == 0:
        return 0
    # Integers to the byte, so that a customer who leaves leaves nothing behind.
    return int(customer.stored_gb * (1 + customer.growth) ** (number - 1)) * GB


def _changes_of_storage(
    customer: Customer, number: int, day: date, dice: random.Random
) -> Iterator[UsageEvent]:
    """Yield the day's growth, files that come and go, and now and then a huge one for a while."""
    net = stored_at_start_of(customer, number + 1) - stored_at_start_of(customer, number)
    churn = int(customer.stored_gb * dice.uniform(0.002, 0.012)) * GB
    yield _storage(customer, day, timedelta(hours=dice.uniform(0, 8)), net, "growth")
    yield _storage(customer, day, timedelta(hours=dice.uniform(0, 12)), churn, "churn/0")
    for n in (1, 2, 3):
        at = timedelta(hours=10 + 4 * n + dice.random())
        yield _storage(customer, day, at, _fall(churn, n), f"churn/{n}")
    if huge_gb := customer.huge_gb.get(number):
        at = timedelta(hours=9, minutes=dice.randrange(60))
        yield _storage(customer, day, at, huge_gb * GB, "huge")


def _fall(churn: int, n: int) -> int:
    """Return the n-th of three falls that together take back a rise of ``churn``."""
    return -(churn * n // 3 - churn * (n - 1) // 3)


def _jobs(customer: Customer, number: int, day: date, dice: random.Random) -> Iterator[UsageEvent]:
    hours = customer.hours * (1 + customer.trend) ** number * dice.uniform(0.85, 1.15)
    if day.weekday() in WEEKEND:
        hours *= customer.weekend
    shares = [dice.expovariate(1) + 0.1 for _ in range(dice.randint(6, 11))]
    for n, share in enumerate(shares):
        milliseconds = int(hours * 3_600_000 * share / sum(shares))
        at = timedelta(hours=dice.triangular(0.5, 23.5, 13))
        yield _event(
            customer,
            type="catacloud.execution.finished",
            id=f"{day}/job/{n}",
            time=start_of(day) + at,
            data={
                "seconds": f"{milliseconds // 1000}.{milliseconds % 1000:03}",
                "region": REGIONS[n % len(REGIONS)],
            },
        )


def _storage(customer: Customer, day: date, at: timedelta, change: int, what: str) -> UsageEvent:
    return _event(
        customer,
        type="catacloud.storage.changed",
        id=f"{day}/{what}",
        time=start_of(day) + at,
        data={"bytes": str(change)},
    )


def _event(customer: Customer, **attributes: Any) -> UsageEvent:
    return {"specversion": "1.0", "source": "demo", "subject": customer.name, **attributes}
