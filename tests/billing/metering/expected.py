"""What the events of a world come to, worked out of the events themselves."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise

from billing.exact import exactly
from billing.periods import microseconds
from tests.billing.metering.worlds import END, KINDS, NOW, START, ZERO, Sent


def expected(events: Sequence[Sent], zones: Sequence[tzinfo] = (UTC, UTC)) -> dict[str, object]:
    """Work out the same figures from the events themselves."""
    good = [event for event in events if event.void is None]
    found: dict[str, object] = {}
    first = START.date() - timedelta(1)
    with exactly():
        for kind in KINDS:
            for day in [first + timedelta(n) for n in range((END - START).days + 2)]:
                in_utc = []
                for owner, zone in enumerate(zones):
                    value = figure(
                        kind,
                        mine(good, owner),
                        midnight(day, zone),
                        midnight(day + timedelta(1), zone),
                    )
                    found[f"{kind} of {owner} on {day}"] = value
                    in_utc.append(
                        figure(kind, mine(good, owner), midnight(day), midnight(day + timedelta(1)))
                    )
                found[f"{kind} of all on {day}"] = sum(in_utc, ZERO)
            for month in (10, 11):
                for owner, zone in enumerate(zones):
                    start = midnight(date(2026, month, 1), zone)
                    end = midnight(date(2026, month + 1, 1), zone)
                    value = figure(kind, mine(good, owner), start, min(end, NOW))
                    found[f"{kind} of {owner} in 2026-{month}-01"] = value
    return {place: value for place, value in found.items() if value}


def midnight(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the first moment whose date is the day, by looking at quarter hours one by one."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while moment.astimezone(zone).date() < day:
        moment += timedelta(minutes=15)
    return moment


def mine(events: Sequence[Sent], owner: int) -> list[Sent]:
    return [event for event in events if event.owner == owner]


def figure(kind: str, events: Sequence[Sent], start: datetime, end: datetime) -> Decimal:
    within = [event for event in events if start <= event.at < end]
    quantities = [event.quantity for event in within]
    match kind:
        case "sum":
            return sum(quantities, ZERO)
        case "count":
            return Decimal(len(within))
        case "max":
            return max(quantities, default=ZERO)
        case "latest":
            newest = max(within, key=lambda one: (one.at, one.quantity), default=None)
            return newest.quantity if newest else ZERO
        case "unique_count":
            return Decimal(len(set(quantities)))
        case "level":
            steps = sorted({start, end, *(event.at for event in within)})
            return sum(
                (
                    level(events, lower) * microseconds(upper - lower)
                    for lower, upper in pairwise(steps)
                ),
                ZERO,
            )
    return max(level(events, at) for at in {start, *(event.at for event in within)})


def level(events: Sequence[Sent], at: datetime) -> Decimal:
    """Return where a level stands from a moment on."""
    return sum((event.quantity for event in events if event.at <= at), ZERO)
