"""What a plan costs for a time, whatever is used: base fee and commitment, by days. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing.exact import QUANTITY_STEP, ROUNDING, ZERO, exactly
from billing.invoicing.schedule import Cycle
from billing.periods import Days
from billing.pricing.tiers import Step

SHARE_STEP = Decimal("1e-40")  # so fine that a whole fee comes out of its shares again


@dataclass(frozen=True, slots=True)
class Stay:
    """From ``starts_on`` on, until the next, an organisation is on a plan version.

    One that is not prorated takes all of the period that it starts in, but for the days before the
    first stay of all.
    """

    starts_on: date
    is_prorated: bool
    currency: str
    base_fee: Decimal
    is_in_advance: bool
    commitment: Decimal | None
    cycle: Cycle


@dataclass(frozen=True, slots=True)
class Standing:
    """An organisation's stays in the order of their start, and the days on which nothing is due."""

    stays: Sequence[Stay] = ()
    pauses: Sequence[tuple[date, date | None]] = ()  # from, up to (excluded); None is for ever

    def on(self, day: date) -> Stay | None:
        """Return the stay of a day."""
        started = [stay for stay in self.stays if stay.starts_on <= day]
        return started[-1] if started else None

    def billable(self, days: Days) -> int:
        """Count the days that are not before the first stay and not paused."""
        first = max(days.first, self.stays[0].starts_on)
        if not self.pauses:
            return max((days.end - first).days, 0)
        return sum(
            day >= self.stays[0].starts_on
            and not any(first <= day and (end is None or day < end) for first, end in self.pauses)
            for day in days
        )


@dataclass(frozen=True, slots=True)
class Due:
    """Unrounded; the amounts of the working add up to the fee."""

    fee: Decimal = ZERO
    commitment: Decimal | None = None
    working: tuple[Step, ...] = ()


def due(standing: Standing, days: Days, currency: str) -> Due:
    """Return base fee and commitment of a period, shared by days where a plan was not on all of it.

    Only plans in ``currency`` count: an invoice has one.
    """
    parts = [part for part in _parts(standing, days) if part[0].currency == currency]
    with exactly():
        working = tuple(_step(stay, share) for stay, share in parts if stay.base_fee)
        promised = [
            (stay.commitment * share).quantize(QUANTITY_STEP, context=ROUNDING)
            for stay, share in parts
            if stay.commitment is not None
        ]
        fee = sum((step.amount for step in working), ZERO)
        return Due(fee, sum(promised, ZERO) if promised else None, working)


def _parts(standing: Standing, days: Days) -> Iterator[tuple[Stay, Decimal]]:
    """Return each plan, and for which share of its own billing period it is charged."""
    cuts = [
        stay.starts_on
        for stay in standing.stays[1:]
        if stay.is_prorated and days.first < stay.starts_on < days.end
    ]
    firsts = [days.first, *cuts]
    for first, end in zip(firsts, [*cuts, days.end], strict=True):
        span = Days(first, end)
        if (stay := standing.on(span.last)) and (count := standing.billable(span)):
            whole = len(stay.cycle.period_of(span.last))
            share = ROUNDING.divide(Decimal(count), Decimal(whole))
            yield stay, share.quantize(SHARE_STEP, context=ROUNDING)


def _step(stay: Stay, share: Decimal) -> Step:
    amount = (stay.base_fee * share).quantize(QUANTITY_STEP, context=ROUNDING)
    shown = share.quantize(QUANTITY_STEP, context=ROUNDING)
    return Step(ZERO, None, shown, stay.base_fee, amount, "base fee")
