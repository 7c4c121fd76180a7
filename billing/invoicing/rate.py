"""Rate what organisations used: the same for the preview so far and for the invoice."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import NamedTuple, Protocol
from uuid import UUID

from billing.exact import ZERO, exactly, in_units
from billing.invoicing.agreed import PlansOf, Price, held, pools_of
from billing.invoicing.lines import RatedLine
from billing.invoicing.models import Invoice
from billing.invoicing.parts import Figures, Part, read
from billing.invoicing.pooling import rate_together
from billing.invoicing.subscriptions import InForce, in_force_at_end, splits
from billing.metering.usage import PeriodFigure, period_figures
from billing.periods import Days
from billing.pricing.currencies import round_amount
from billing.pricing.models import PlanVersion
from billing.pricing.rating import Usage, rate

__all__ = [
    "RatedLine",
    "RatedPeriod",
    "Used",
    "prices_of_invoice",
    "rate_agreed",
    "rate_as_if",
    "rate_invoiced",
    "rate_organisations",
]


class _UsedBy(Protocol):
    def __call__(
        self, each: Mapping[UUID, Sequence[Price]], *, days: Days, now: datetime
    ) -> "Used": ...


@dataclass(frozen=True, slots=True)
class RatedPeriod:
    """What one organisation owes for its usage of a period, in ``currency``. ``together`` are those
    of its volume account, whose usage makes its price as well.
    """

    currency: str
    plan_version_id: int
    total: Decimal
    lines: tuple[RatedLine, ...]
    together: tuple[UUID, ...] = ()


class Used(NamedTuple):
    """What was used: of whole services, and of the parts of some."""

    figures: Mapping[tuple[UUID, int], Decimal]
    parts: Mapping[tuple[UUID, Part], Figures]

    def of(self, organisation: UUID, price: Price) -> Usage:
        """Return it in the service's unit."""
        unit_size = price.service.unit_size
        if price.part.is_whole:
            figure = self.figures.get((organisation, price.service.pk), ZERO)
            return Usage(in_units(figure, unit_size=unit_size))
        used = self.parts.get((organisation, price.part), Figures())
        events = [in_units(one, unit_size=unit_size) for one in used.events]
        if price.part.by_event:
            with exactly():
                return Usage(sum(events, ZERO), events)
        return Usage(in_units(used.figure, unit_size=unit_size))


def rate_organisations(
    *,
    days: Days,
    now: datetime,
    organisations: Sequence[UUID] | None = None,
    figures: Sequence[PeriodFigure] | None = None,
) -> dict[UUID, RatedPeriod]:
    """Rate the period, or what of it has passed at ``now``, in eight queries for any number.

    Where charges are for a value of a dimension, or for single events, each has a query more; each
    span of days that prorated changes of plan leave has its own.

    The plan of the last day prices all of a span, with what the organisation has of its own then;
    an organisation without one is absent. Every charge makes a line, used or not. Who has the
    figures of the organisations in the period spares reading them. Raises InvalidPrice where a
    version was never checked.
    """
    used_by = None
    if figures is not None and organisations is not None:
        used_by = partial(_used, read_of=frozenset(organisations), figures=figures)
    rated = _rate(days, now, organisations, in_force_at_end, used_by=used_by)
    for owner, parts in _divided(days, now, organisations).items():
        if owner in rated:
            rated[owner] = _joined(rated[owner], [*parts])
    return rated


def rate_agreed(
    plan: InForce, prices: Sequence[Price], used: Used, organisation: UUID
) -> RatedPeriod:
    """Rate what one organisation used at prices that are known; it is in no volume account."""
    return _rated(plan, [_line(price, used.of(organisation, price), plan) for price in prices])


def rate_invoiced(
    invoice: Invoice, *, now: datetime, used_by: _UsedBy | None = None
) -> RatedPeriod:
    """Rate an invoice's period as it stands now, on the prices of the invoice.

    What was agreed on for days that are invoiced does not change, so these are those of then.
    ``used_by`` may read usage from elsewhere than the tables.
    """
    owner, days = invoice.organisation_id, Days(invoice.starts_on, invoice.ends_on)
    rated = _rate(days, now, [owner], _plans_on(invoice), used_by=used_by)[owner]
    parts = _divided(days, now, [owner], used_by).get(owner)
    return _joined(rated, parts) if parts else rated


def prices_of_invoice(invoice: Invoice) -> Iterator[Price]:
    """Yield by which prices an invoice's period is rated; where it is divided, by those of its end
    first.
    """
    owner, days = invoice.organisation_id, Days(invoice.starts_on, invoice.ends_on)
    yield from held(days=days, organisations=[owner], plans_of=_plans_on(invoice)).prices[owner]
    for cut in reversed(splits(days=days, organisations=[owner]).get(owner, [])):
        span = Days(days.first, cut)
        yield from held(days=span, organisations=[owner], plans_of=in_force_at_end).prices[owner]


def _plans_on(invoice: Invoice) -> PlansOf:
    """Return who is on which plan, but whom an invoice is for: that says what its plan was."""

    def plans(*, days: Days, organisations: Sequence[UUID] | None = None) -> dict[UUID, InForce]:
        then = InForce(invoice.plan_version_id, invoice.currency)
        found = in_force_at_end(days=days, organisations=organisations)
        return found | {invoice.organisation_id: then}

    return plans


def rate_as_if(
    version: PlanVersion,
    *,
    days: Days,
    now: datetime,
    organisations: Sequence[UUID],
    with_own_prices: bool,
) -> dict[UUID, RatedPeriod]:
    """Rate a period as if these had been on a version, with or without prices of their own."""

    def moved(*, days: Days, organisations: Sequence[UUID] | None = None) -> dict[UUID, InForce]:
        return in_force_at_end(days=days, organisations=organisations) | dict.fromkeys(
            asked, InForce(version.pk, version.currency)
        )

    asked = list(organisations)
    return _rate(days, now, asked, moved, with_own_prices)


def _rate(
    days: Days,
    now: datetime,
    organisations: Sequence[UUID] | None,
    plans_of: PlansOf,
    with_own_prices: bool = True,
    used_by: _UsedBy | None = None,
) -> dict[UUID, RatedPeriod]:
    holds = held(
        days=days,
        organisations=organisations,
        plans_of=plans_of,
        with_own_prices=with_own_prices,
    )
    plans, each, pools = holds.plans, holds.prices, holds.pools
    used = (used_by or _used)(each, days=days, now=now)
    wanted = set(plans if organisations is None else organisations)
    rated = {
        owner: _rated(plan, [_line(price, used.of(owner, price), plan) for price in each[owner]])
        for owner, plan in plans.items()
        if owner in wanted and pools.parent_of(owner) is None
    }
    for parent in set(pools.parents.values()):
        members = pools.whole(parent)
        usage = [[used.of(one, price) for price in each[parent]] for one in members]
        lines = rate_together(each[parent], usage, currency=plans[parent].currency)
        rated |= {
            one: replace(_rated(plans[one], its), together=tuple(members))
            for one, its in zip(members, lines, strict=True)
            if one in wanted
        }
    return rated


def _divided(
    days: Days,
    now: datetime,
    organisations: Sequence[UUID] | None,
    used_by: _UsedBy | None = None,
) -> dict[UUID, list[RatedPeriod]]:
    """Rate the spans of those whose period is divided, in the order of time; not of pools."""
    found: defaultdict[tuple[date, date], list[UUID]] = defaultdict(list)
    divided = splits(days=days, organisations=organisations)
    if divided:
        pooled = pools_of(days=days, organisations=list(divided)).everyone()
        divided = {owner: cuts for owner, cuts in divided.items() if owner not in pooled}
    for owner, cuts in divided.items():
        for span in pairwise([days.first, *cuts, days.end]):
            found[span].append(owner)
    parts: defaultdict[UUID, list[RatedPeriod]] = defaultdict(list)
    for span in sorted(found):
        for owner, rated in _rate(
            Days(*span), now, found[span], in_force_at_end, used_by=used_by
        ).items():
            parts[owner].append(rated)
    return parts


def _joined(whole: RatedPeriod, parts: Iterable[RatedPeriod]) -> RatedPeriod:
    """Add up the spans of a period: a charge has one line, whose working is that of its spans."""
    lines: dict[tuple[int, str, str], RatedLine] = {}
    for part in parts:
        if part.currency != whole.currency:
            continue  # an invoice has one currency: what it changed from is not in it
        for line in part.lines:
            key = line.service_id, line.value, line.tax_class
            lines[key] = _added(lines[key], line, whole.currency) if key in lines else line
    with exactly():
        total = sum((line.amount for line in lines.values()), ZERO)
    each = sorted(lines.values(), key=lambda line: (line.service_name, line.service_id))
    return RatedPeriod(whole.currency, whole.plan_version_id, total, tuple(each))


def _added(one: RatedLine, other: RatedLine, currency: str) -> RatedLine:
    working = (*one.working, *other.working)
    with exactly():
        unrounded = sum((step.amount for step in working), ZERO)
        quantity = one.quantity + other.quantity
    return replace(
        one, quantity=quantity, working=working, amount=round_amount(unrounded, currency)
    )


def _used(
    each: Mapping[UUID, Sequence[Price]],
    *,
    days: Days,
    now: datetime,
    read_of: Set[UUID] = frozenset(),
    figures: Sequence[PeriodFigure] = (),
) -> Used:
    """Read what organisations used of what their prices are for, but for what was read before."""
    rows = [row for row in figures if row.organisation_id in each]
    if unread := [owner for owner in each if owner not in read_of]:
        rows += period_figures(days=days, now=now, organisations=unread)
    of_services = {(row.organisation_id, row.service_id): row.figure for row in rows}
    asked: defaultdict[Part, list[UUID]] = defaultdict(list)
    for organisation, prices in each.items():
        for price in prices:
            if not price.part.is_whole:
                asked[price.part].append(organisation)
    return Used(of_services, read(asked, days=days, now=now) if asked else {})


def _rated(plan: InForce, lines: Iterable[RatedLine]) -> RatedPeriod:
    each = tuple(lines)
    with exactly():
        total = sum((line.amount for line in each), ZERO)
    return RatedPeriod(plan.currency, plan.plan_version_id, total, each)


def _line(price: Price, usage: Usage, plan: InForce) -> RatedLine:
    rated = rate(usage, price.terms)
    return RatedLine(
        service_id=price.service.pk,
        service_name=price.service.name,
        quantity=usage.quantity,
        unit=price.service.unit,
        amount=round_amount(rated.amount, plan.currency),
        working=rated.working,
        value=price.part.value,
        tax_class=price.tax_class,
    )
