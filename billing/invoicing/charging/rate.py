"""Rate what organisations used: the same for the preview so far and for the invoice."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from typing import Protocol
from uuid import UUID

from billing.invoicing.charging import parts as of_parts
from billing.invoicing.charging.agreed import Bound, PlansOf, Pools, Price, bound, held, pools_of
from billing.invoicing.charging.lines import RatedLine
from billing.invoicing.charging.parts import Part
from billing.invoicing.charging.pooling import rate_together
from billing.invoicing.charging.rated import (
    RatedPeriod,
    Span,
    Used,
    joined,
    rate_agreed,
    rated_period,
)
from billing.invoicing.charging.subscriptions import InForce, in_force_at_end, splits
from billing.invoicing.models import Invoice
from billing.metering.querying.usage import PeriodFigure, reading_figures, reading_zones
from billing.periods import Days
from billing.pricing.models import PlanVersion
from billing.together import Reading, read, together

__all__ = [
    "RatedLine",
    "RatedPeriod",
    "Used",
    "prices_of_invoice",
    "rate_agreed",
    "rate_as_if",
    "rate_invoiced",
    "rate_organisations",
    "reading_invoiced",
    "reading_rated",
]


class _UsedBy(Protocol):
    def __call__(
        self, each: Mapping[UUID, Sequence[Price]], *, days: Days, now: datetime
    ) -> "Used": ...


def rate_organisations(
    *,
    days: Days,
    now: datetime,
    organisations: Sequence[UUID] | None = None,
    figures: Sequence[PeriodFigure] | None = None,
) -> dict[UUID, RatedPeriod]:
    """Rate the period, or what of it has passed at ``now``, in three queries for any number.

    Where charges are for a value of a dimension, or for single events, each has a query more; spans
    of days that prorated changes of plan leave have as many again, all of them together.

    The plan of the last day prices all of a span, with what the organisation has of its own then;
    an organisation without one is absent. Every charge makes a line, used or not. Who has the
    figures of the organisations in the period spares reading them. Raises InvalidPrice where a
    version was never checked.
    """
    return read(reading_rated(days=days, now=now, organisations=organisations, figures=figures))


def reading_rated(
    *,
    days: Days,
    now: datetime,
    organisations: Sequence[UUID] | None = None,
    figures: Sequence[PeriodFigure] | None = None,
) -> Reading[dict[UUID, RatedPeriod]]:
    """Read what :func:`rate_organisations` returns."""
    rated, divided = yield from together(
        _rate(days, now, organisations, in_force_at_end, figures=figures),
        _divided(days, now, organisations, in_force_at_end),
    )
    for owner, spans in divided.items():
        if owner in rated:
            rated[owner] = joined(rated[owner], spans)
    found: dict[UUID, RatedPeriod] = rated
    return found


def rate_invoiced(
    invoice: Invoice, *, now: datetime, used_by: _UsedBy | None = None
) -> RatedPeriod:
    """Rate an invoice's period as it stands now, on the prices of the invoice.

    What was agreed on for days that are invoiced does not change, so these are those of then.
    ``used_by`` may read usage from elsewhere than the tables.
    """
    return read(reading_invoiced(invoice, now=now, used_by=used_by))


def reading_invoiced(
    invoice: Invoice, *, now: datetime, used_by: _UsedBy | None = None
) -> Reading[RatedPeriod]:
    """Read what :func:`rate_invoiced` returns."""
    owner, days = invoice.organisation_id, Days(invoice.starts_on, invoice.ends_on)
    whole, divided = yield from together(
        _rate(days, now, [owner], _plans_on(invoice), used_by=used_by),
        _divided(days, now, [owner], _plans_on(invoice), used_by),
    )
    rated: RatedPeriod = whole[owner]
    return joined(rated, divided[owner]) if owner in divided else rated


def prices_of_invoice(invoice: Invoice) -> Iterator[Price]:
    """Yield by which prices an invoice's period is rated; where it is divided, by those of its end
    first.
    """
    owner, days = invoice.organisation_id, Days(invoice.starts_on, invoice.ends_on)
    last, cuts = read(
        together(
            held(days=days, organisations=[owner], plans_of=_plans_on(invoice)),
            splits(days=days, organisations=[owner]),
        )
    )
    yield from last.prices[owner]
    for cut in reversed(cuts.get(last.pools.parent_of(owner) or owner, [])):
        span, plans = Days(days.first, cut), _plans_in(last)
        before = read(held(days=span, organisations=[owner], plans_of=plans, pools=last.pools))
        yield from before.prices[owner]


def _plans_on(invoice: Invoice) -> PlansOf:
    """Return who is on which plan, but whom an invoice is for: that says what its plan was."""

    def plans(
        *, days: Days, organisations: Sequence[UUID] | None = None
    ) -> Reading[dict[UUID, InForce]]:
        then = InForce(invoice.plan_version_id, invoice.currency)
        found = yield from in_force_at_end(days=days, organisations=organisations)
        return found | {invoice.organisation_id: then}

    return plans


def _plans_in(period: Bound) -> PlansOf:
    """Return who is on which plan at the end of a span of a period. Members of a volume account are
    rated by their parent's, whenever they came: theirs is that of the period.
    """

    def plans(
        *, days: Days, organisations: Sequence[UUID] | None = None
    ) -> Reading[dict[UUID, InForce]]:
        found = yield from in_force_at_end(days=days, organisations=organisations)
        asked = period.pools.parents if organisations is None else organisations
        members = (one for one in asked if one in period.pools.parents)
        return found | {one: period.plans[one] for one in members}

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

    def moved(
        *, days: Days, organisations: Sequence[UUID] | None = None
    ) -> Reading[dict[UUID, InForce]]:
        found = yield from in_force_at_end(days=days, organisations=organisations)
        return found | dict.fromkeys(asked, InForce(version.pk, version.currency))

    asked = list(organisations)
    return read(_rate(days, now, asked, moved, with_own_prices))


def _rate(
    days: Days,
    now: datetime,
    organisations: Sequence[UUID] | None,
    plans_of: PlansOf,
    with_own_prices: bool = True,
    used_by: _UsedBy | None = None,
    figures: Sequence[PeriodFigure] | None = None,
    pools: Pools | None = None,
    of: Days | None = None,
) -> Reading[dict[UUID, RatedPeriod]]:
    holds, zones = yield from together(
        held(
            days=days,
            organisations=organisations,
            plans_of=plans_of,
            with_own_prices=with_own_prices,
            pools=pools,
        ),
        reading_zones(organisations),
    )
    plans, pools = holds.plans, holds.pools
    each = _prorated(holds.prices, days, of) if of else holds.prices
    if used_by:
        used = used_by(each, days=days, now=now)
    else:
        read_of = frozenset(organisations or () if figures is not None else ())
        others = each.keys() - set(each if organisations is None else organisations)
        used = yield from _used(
            each,
            days=days,
            now=now,
            read_of=read_of,
            figures=figures or (),
            zones=None if others else zones,
        )
    wanted = set(plans if organisations is None else organisations)
    rated = {
        owner: rate_agreed(plan, each[owner], used, owner)
        for owner, plan in plans.items()
        if owner in wanted and pools.parent_of(owner) is None
    }
    for parent in set(pools.parents.values()):
        members = pools.whole(parent)
        usage = [[used.of(one, price) for price in each[parent]] for one in members]
        lines = rate_together(each[parent], usage, currency=plans[parent].currency)
        rated |= {
            one: replace(rated_period(plans[one], its), together=tuple(members))
            for one, its in zip(members, lines, strict=True)
            if one in wanted
        }
    return rated


def _prorated(
    prices: Mapping[UUID, Sequence[Price]], span: Days, period: Days
) -> Mapping[UUID, Sequence[Price]]:
    """Share by days what is of a whole period."""
    return {
        owner: [replace(one, terms=one.terms.prorated(len(span), of=len(period))) for one in its]
        for owner, its in prices.items()
    }


def _divided(
    days: Days,
    now: datetime,
    organisations: Sequence[UUID] | None,
    plans_of: PlansOf,
    used_by: _UsedBy | None = None,
) -> Reading[dict[UUID, list[Span]]]:
    """Rate the spans of those whose period is divided, in the order of time."""
    spans, period = yield from _spans(days, organisations, plans_of)
    plans = _plans_in(period)
    each = yield from together(
        *(
            _rate(
                Days(*span), now, its, plans, pools=period.pools.of(its), of=days, used_by=used_by
            )
            for span, its in sorted(spans.items())
        )
    )
    found: defaultdict[UUID, list[Span]] = defaultdict(list)
    for span, rated in zip(sorted(spans), each, strict=True):
        for owner, bill in rated.items():
            found[owner].append(Span(Days(*span), bill))
    return found


def _spans(
    days: Days, organisations: Sequence[UUID] | None, plans_of: PlansOf
) -> Reading[tuple[Mapping[tuple[date, date], list[UUID]], Bound]]:
    """Read who is rated by which spans of a period: in one round, but for volume accounts.

    Theirs are by the changes of the parent's plan, which prices all of them.
    """
    cuts, pools = yield from together(
        splits(days=days, organisations=organisations),
        pools_of(days=days, organisations=organisations),
    )
    asked = {*cuts, *pools.parents} if organisations is None else organisations
    period = Bound({}, pools)
    if cuts and pools.parents:
        period = yield from bound(days=days, organisations=[*asked], plans_of=plans_of, pools=pools)
    spans: defaultdict[tuple[date, date], list[UUID]] = defaultdict(list)
    for owner in asked if cuts else ():
        if own := cuts.get(period.pools.parent_of(owner) or owner):
            for span in pairwise([days.first, *own, days.end]):
                spans[span].append(owner)
    return spans, period


def _used(
    each: Mapping[UUID, Sequence[Price]],
    *,
    days: Days,
    now: datetime,
    read_of: Set[UUID] = frozenset(),
    figures: Sequence[PeriodFigure] = (),
    zones: Sequence[str] | None = None,
) -> Reading[Used]:
    """Read what organisations used of what their prices are for, but for what was read before.

    Who knows their ``zones`` spares a round.
    """
    rows = [row for row in figures if row.organisation_id in each]
    if unread := [owner for owner in each if owner not in read_of]:
        rows += yield from reading_figures(days=days, now=now, organisations=unread, zones=zones)
    of_services = {(row.organisation_id, row.service_id): row.figure for row in rows}
    asked: defaultdict[Part, list[UUID]] = defaultdict(list)
    for organisation, prices in each.items():
        for price in prices:
            if not price.part.is_whole:
                asked[price.part].append(organisation)
    return Used(of_services, of_parts.read(asked, days=days, now=now) if asked else {})
