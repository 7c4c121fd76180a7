"""What an invoice has besides usage: fees, commitments, discounts and credit, read and applied."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from billing.accounts import models as accounts
from billing.exact import ZERO, exactly
from billing.invoicing.charging.bill import Bill, Commitment, Credit, Discount, make_bill
from billing.invoicing.charging.fees import Due, Standing, Stay, due
from billing.invoicing.charging.lines import Kind, Line, fee
from billing.invoicing.charging.rate import RatedPeriod
from billing.invoicing.charging.schedule import cycle_of
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.periods import Days
from billing.pricing.currencies import round_amount
from billing.pricing.models import PlanVersion
from billing.pricing.tiers import ONE, Step
from billing.together import Reading, read, together

Charged = tuple[date, str, str]


@dataclass(frozen=True, slots=True)
class Besides:
    """Of one organisation. ``charged`` are base fees by the first day of what they are for, their
    currency and tax class.
    """

    standing: Standing = field(default_factory=Standing)
    charged: Mapping[Charged, Decimal] = field(default_factory=dict)
    discounts: Sequence[tuple[Discount, str]] = ()  # with the currency of an amount
    credits: Sequence[tuple[Credit, str]] = ()  # what is left, with its currency

    def prepaid(self, currency: str) -> list[Credit]:
        return [one for one, its_own in self.credits if one.is_prepaid and its_own == currency]


def besides(*, days: Days, organisations: Collection[UUID]) -> Reading[dict[UUID, Besides]]:
    """Read it for a period, in two rounds at most."""
    standings, charged, discounts, credits = yield from together(
        reading_standings(organisations),
        _charged(organisations),
        _discounts(days, organisations),
        credits_left(organisations),
    )
    return {
        one: Besides(standings[one], charged[one], discounts[one], credits[one])
        for one in organisations
    }


def besides_then(invoice: Invoice, standing: Standing) -> Besides:
    """Read it as it was when an invoice was issued: without what came later."""
    owner, days = invoice.organisation_id, Days(invoice.starts_on, invoice.ends_on)
    charged, discounts, credits = read(
        together(
            _charged([owner], invoice),
            _discounts(days, [owner], invoice),
            credits_left([owner], invoice),
        )
    )
    return Besides(standing, charged[owner], discounts[owner], credits[owner])


def make(rated: RatedPeriod, its: Besides, *, days: Days, corrections: Iterable[Line] = ()) -> Bill:
    """Return the bill of a rated period; see bill.py for the order."""
    currency = rated.currency
    fees, commitment = _fees(its, days, currency)
    return make_bill(
        [*rated.lines, *fees],
        currency=currency,
        commitment=commitment,
        discounts=[one for one, its_own in its.discounts if its_own in ("", currency)],
        corrections=corrections,
        credits=[one for one, its_own in its.credits if its_own == currency],
    )


def _fees(its: Besides, days: Days, currency: str) -> tuple[list[Line], Commitment | None]:
    """Return the lines of base fees, and what the bill must come to at least.

    In advance, the fee of the next period is due too. What was charged for a period before, in
    advance, is taken off; a change of plan since makes the difference. A commitment counts the fee
    of its own period, whenever that was charged.
    """
    standing = its.standing
    last = standing.on(days.last)
    if last is None or not (standing.is_priced or its.charged):
        return [], None
    periods = [days]
    following = last.cycle.period_of(days.end)
    coming = standing.on(following.first)
    if coming and coming.is_in_advance:
        periods.append(Days(days.end, following.end))
    lines = [line for one in periods for line in _fees_for(its, one, currency)]
    return lines, commitment_of(due(standing, days, currency), lines, currency)


def commitment_of(asked: Due, fees: Iterable[Line], currency: str) -> Commitment | None:
    """Return the commitment of a period whose bill has these lines of base fees."""
    if asked.commitment is None:
        return None
    with exactly():
        of_others = sum((line.amount for line in fees), ZERO) - asked.fee(currency)
    return Commitment(asked.commitment, of_others, asked.commitment_class)


def _fees_for(its: Besides, days: Days, currency: str) -> Iterator[Line]:
    """Yield the base fee of a period, a line for each tax class, less what was charged before."""
    asked = due(its.standing, days, currency)
    before = {
        tax_class: amount
        for (first, its_own, tax_class), amount in its.charged.items()
        if (first, its_own) == (days.first, currency)
    }
    for tax_class in sorted({*asked.fees, *before}):
        working, charged = asked.working(tax_class), before.get(tax_class, ZERO)
        if charged:
            working += (Step(ZERO, None, ONE, -charged, -charged, "charged"),)
        with exactly():
            amount = round_amount(sum((step.amount for step in working), ZERO), currency)
        if amount:
            line = fee(Kind.BASE_FEE, "Base fee", amount, working)
            yield replace(line, covers=days, tax_class=tax_class)


def standings_of(organisations: Collection[UUID]) -> Mapping[UUID, Standing]:
    return read(reading_standings(organisations))


def reading_standings(organisations: Collection[UUID]) -> Reading[Mapping[UUID, Standing]]:
    own = Subscription.objects.filter(organisation__in=organisations)
    rows, plans, still = yield [
        own.order_by("starts_on"),
        PlanVersion.objects.filter(pk__in=own.order_by().values("plan_version")),
        accounts.Standstill.objects.filter(organisation__in=organisations),
    ]
    versions = {one.pk: one for one in plans}
    stays: defaultdict[UUID, list[Stay]] = defaultdict(list)
    firsts: dict[UUID, date] = {}
    for row in rows:
        owner = row.organisation_id
        first = firsts.setdefault(owner, row.starts_on)
        stay = stay_on(versions[row.plan_version_id], row.starts_on, subscribed_on=first)
        stays[owner].append(replace(stay, is_prorated=row.is_prorated))
    pauses: defaultdict[UUID, list[tuple[date, date | None]]] = defaultdict(list)
    for one in still:
        pauses[one.organisation_id].append((one.starts_on, one.ends_on))
    return {one: Standing(stays[one], pauses[one]) for one in organisations}


def stay_on(version: PlanVersion, starts_on: date, *, subscribed_on: date) -> Stay:
    """Return a stay on a version; ``subscribed_on`` is what anniversaries count from."""
    return Stay(
        starts_on=starts_on,
        is_prorated=False,
        currency=version.currency,
        base_fee=version.base_fee,
        is_in_advance=version.base_fee_timing == PlanVersion.Timing.IN_ADVANCE,
        base_fee_class=version.base_fee_tax_class,
        commitment=version.minimum_commitment,
        commitment_class=version.commitment_tax_class,
        cycle=cycle_of(
            billing_period=version.billing_period,
            anchor=version.anchor,
            subscribed_on=subscribed_on,
        ),
    )


def valid(before: Invoice | None) -> Q:
    """Say which invoices count, of what hangs on one: those that are valid, or that were when
    another one was issued.
    """
    if before is None:
        return Q(invoice__voided_at=None)
    was_valid = Q(invoice__voided_at=None) | Q(invoice__voided_at__gt=before.issued_at)
    return was_valid & Q(invoice__lt=before.pk)


def _lines(
    organisations: Collection[UUID], kind: Kind, before: Invoice | None
) -> QuerySet[InvoiceLine]:
    """Return the lines of a kind on invoices that count."""
    return InvoiceLine.objects.order_by().filter(
        valid(before), invoice__organisation__in=organisations, kind=kind.value
    )


def _charged(
    organisations: Collection[UUID], before: Invoice | None = None
) -> Reading[Mapping[UUID, dict[Charged, Decimal]]]:
    [rows] = yield [
        _lines(organisations, Kind.BASE_FEE, before)
        .values_list("invoice__organisation", "covers_from", "invoice__currency", "tax_class")
        .annotate(charged=Sum("amount"))
    ]
    found: defaultdict[UUID, dict[Charged, Decimal]] = defaultdict(dict)
    for owner, first, currency, tax_class, amount in rows:
        if first is not None:
            found[owner][first, currency, tax_class] = amount
    return found


def _discounts(
    days: Days, organisations: Collection[UUID], before: Invoice | None = None
) -> Reading[Mapping[UUID, list[tuple[Discount, str]]]]:
    """Read those of the period that have invoices left to lower, in one round where none is for so
    many invoices only.
    """
    granted = accounts.Discount.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=days.first),
        organisation__in=organisations,
        starts_on__lt=days.end,
    )
    if before is not None:
        granted = granted.filter(granted_at__lte=before.issued_at)
    [rows] = yield [granted]
    bounded = [row.pk for row in rows if row.periods is not None]
    used = (yield from _lowered(organisations, bounded, before)) if bounded else {}
    found: defaultdict[UUID, list[tuple[Discount, str]]] = defaultdict(list)
    for row in rows:
        left = None if row.periods is None else row.periods - used.get(row.pk, 0)
        if left is None or left > 0:
            discount = Discount(row.pk, row.text, row.rate, row.amount, row.service_id, left)
            found[row.organisation_id].append((discount, row.currency))
    return found


def _lowered(
    organisations: Collection[UUID], discounts: Collection[UUID], before: Invoice | None
) -> Reading[Mapping[UUID | None, int]]:
    """Count the invoices that each of these discounts has lowered."""
    lines = _lines(organisations, Kind.DISCOUNT, before).filter(source_id__in=discounts)
    [rows] = yield [lines.values_list("source_id").annotate(Count("invoice", distinct=True))]
    return dict(rows)


def credits_left(
    organisations: Collection[UUID], before: Invoice | None = None
) -> Reading[Mapping[UUID, list[tuple[Credit, str]]]]:
    """Read what of each credit no invoice has taken yet, with its currency.

    In one round where there are none.
    """
    added = accounts.Credit.objects.filter(organisation__in=organisations)
    if before is not None:
        added = added.filter(added_at__lte=before.issued_at)
    [rows] = yield [added]
    found: defaultdict[UUID, list[tuple[Credit, str]]] = defaultdict(list)
    used = (yield from _taken(organisations, before)) if rows else {}
    for row in rows:
        with exactly():
            left = round_amount(row.amount - used.get(row.pk, ZERO), row.currency)
        if left > 0:
            is_prepaid = row.kind == accounts.Credit.Kind.PREPAID
            found[row.organisation_id].append(
                (Credit(row.pk, str(row).capitalize(), left, is_prepaid), row.currency)
            )
    return found


def _taken(
    organisations: Collection[UUID], before: Invoice | None
) -> Reading[Mapping[UUID | None, Decimal]]:
    """Read how much invoices took of each credit, granted or prepaid."""
    prepaid = accounts.PrepaidUse.objects.filter(
        valid(before), credit__organisation__in=organisations
    )
    granted, paid = yield [
        _lines(organisations, Kind.CREDIT, before).values_list("source_id").annotate(Sum("amount")),
        prepaid.order_by().values_list("credit").annotate(Sum("amount")),
    ]
    return {source: -amount for source, amount in granted} | dict(paid)
