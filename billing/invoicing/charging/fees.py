"""What a plan costs for a time, whatever is used: base fee and commitment, by days. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from billing.exact import QUANTITY_STEP, ROUNDING, ZERO, exactly
from billing.invoicing.charging.schedule import Cycle, Cycles
from billing.periods import Days
from billing.pricing.currencies import round_amount
from billing.pricing.tax_classes import STANDARD_CLASS
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
    base_fee_class: str = STANDARD_CLASS
    commitment_class: str = STANDARD_CLASS


@dataclass(frozen=True, slots=True)
class Standing:
    """An organisation's stays in the order of their start, and the days on which nothing is due."""

    stays: Sequence[Stay] = ()
    pauses: Sequence[tuple[date, date | None]] = ()  # from, up to (excluded); None is for ever

    @property
    def is_priced(self) -> bool:
        """Say whether any of its plans costs something whatever is used: many do not."""
        return any(stay.base_fee or stay.commitment is not None for stay in self.stays)

    @property
    def cycles(self) -> Cycles:
        return [(stay.starts_on, stay.cycle) for stay in self.stays]

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
    """Unrounded. ``fees`` are the steps of what base fees come to, by tax class; the commitment is
    of that of the last plan that has one.
    """

    fees: Mapping[str, Sequence[Step]] = field(default_factory=dict)
    commitment: Decimal | None = None
    commitment_class: str = STANDARD_CLASS

    def working(self, tax_class: str) -> tuple[Step, ...]:
        return tuple(self.fees.get(tax_class, ()))

    def fee(self, currency: str) -> Decimal:
        """Return what base fees come to, those of each tax class rounded."""
        with exactly():
            each = [sum((step.amount for step in steps), ZERO) for steps in self.fees.values()]
            return sum((round_amount(one, currency) for one in each), ZERO)


def due(standing: Standing, days: Days, currency: str) -> Due:
    """Return base fee and commitment of a period, shared by days where a plan was not on all of it.

    Only plans in ``currency`` count: an invoice has one.
    """
    parts = [part for part in _parts(standing, days) if part[0].currency == currency]
    fees: defaultdict[str, list[Step]] = defaultdict(list)
    commitment: Decimal | None = None
    commitment_class = STANDARD_CLASS
    with exactly():
        for stay, share in parts:
            if stay.base_fee:
                fees[stay.base_fee_class].append(_step(stay, share))
            if stay.commitment is not None:
                promised = (stay.commitment * share).quantize(QUANTITY_STEP, context=ROUNDING)
                commitment = (commitment or ZERO) + promised
                commitment_class = stay.commitment_class
    return Due(fees, commitment, commitment_class)


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
