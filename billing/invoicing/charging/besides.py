"""What an invoice has besides usage: fees, commitments, discounts and credit, read and applied."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from billing.accounts import models as accounts
from billing.exact import ZERO, exactly
from billing.invoicing.charging.bill import Bill, Commitment, Credit, Discount, make_bill
from billing.invoicing.charging.fees import Due, Standing, due
from billing.invoicing.charging.lines import Kind, Line, fee
from billing.invoicing.charging.rate import RatedPeriod
from billing.invoicing.charging.standings import reading_standings
from billing.invoicing.models import Invoice, InvoiceLine
from billing.periods import Days
from billing.prepared import Slot, any_of, prepared
from billing.pricing.currencies import round_amount
from billing.pricing.tiers import ONE, Step
from billing.together import Reading, read, together

Charged = tuple[date, str, str]
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
LAST_KEY = 2**63 - 1


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


def valid(before: Invoice | None) -> Q:
    """Say which invoices count, of what hangs on one: those that are valid, or that were when
    another one was issued.
    """
    if before is None:
        return Q(invoice__voided_at=None)
    return valid_as_of(before.issued_at, before.pk)


def valid_as_of(at: datetime | Slot, before: int | Slot) -> Q:
    was_valid = Q(invoice__voided_at=None) | Q(invoice__voided_at__gt=at)
    return was_valid & Q(invoice__lt=before)


def as_of(before: Invoice | None) -> dict[str, Any]:
    """Return places of :func:`valid_as_of`: an invoice that is still to come is after all."""
    at, pk = (before.issued_at, before.pk) if before else (END_OF_TIME, LAST_KEY)
    return {"at": at, "before": pk}


def _asked(organisations: Collection[UUID], before: Invoice | None) -> dict[str, Any]:
    """Return whose and as of when."""
    return {"owners": list(organisations), **as_of(before)}


def _lines(owners: Slot, at: Slot, before: Slot, kind: Kind) -> QuerySet[InvoiceLine]:
    """Return the lines of a kind on invoices that count."""
    own = InvoiceLine.objects.order_by().filter(invoice__organisation=any_of(owners))
    return own.filter(valid_as_of(at, before), kind=kind.value)


def _charged(
    organisations: Collection[UUID], before: Invoice | None = None
) -> Reading[Mapping[UUID, dict[Charged, Decimal]]]:
    [rows] = yield [_base_fees(**_asked(organisations, before))]
    found: defaultdict[UUID, dict[Charged, Decimal]] = defaultdict(dict)
    for owner, first, currency, tax_class, amount in rows:
        if first is not None:
            found[owner][first, currency, tax_class] = amount
    return found


@prepared
def _base_fees(owners: Slot, at: Slot, before: Slot) -> QuerySet[InvoiceLine, tuple[Any, ...]]:
    lines = _lines(owners, at, before, Kind.BASE_FEE)
    key = lines.values_list(
        "invoice__organisation", "covers_from", "invoice__currency", "tax_class"
    )
    return key.annotate(charged=Sum("amount"))


def _discounts(
    days: Days, organisations: Collection[UUID], before: Invoice | None = None
) -> Reading[Mapping[UUID, list[tuple[Discount, str]]]]:
    """Read those of the period that have invoices left to lower, in one round where none is for so
    many invoices only.
    """
    at = before.issued_at if before else END_OF_TIME
    asked = {"owners": list(organisations), "first": days.first, "end": days.end, "at": at}
    [rows] = yield [_granted(**asked)]
    bounded = [row.pk for row in rows if row.periods is not None]
    used = (yield from _lowered(organisations, bounded, before)) if bounded else {}
    found: defaultdict[UUID, list[tuple[Discount, str]]] = defaultdict(list)
    for row in rows:
        left = None if row.periods is None else row.periods - used.get(row.pk, 0)
        if left is None or left > 0:
            discount = Discount(row.pk, row.text, row.rate, row.amount, row.service_id, left)
            found[row.organisation_id].append((discount, row.currency))
    return found


@prepared
def _granted(owners: Slot, first: Slot, end: Slot, at: Slot) -> QuerySet[accounts.Discount]:
    return accounts.Discount.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=first),
        organisation=any_of(owners),
        starts_on__lt=end,
        granted_at__lte=at,
    )


def _lowered(
    organisations: Collection[UUID], discounts: Collection[UUID], before: Invoice | None
) -> Reading[Mapping[UUID | None, int]]:
    """Count the invoices that each of these discounts has lowered."""
    [rows] = yield [_times_lowered(**_asked(organisations, before), discounts=list(discounts))]
    return dict(rows)


@prepared
def _times_lowered(
    owners: Slot, at: Slot, before: Slot, discounts: Slot
) -> QuerySet[InvoiceLine, tuple[Any, ...]]:
    lines = _lines(owners, at, before, Kind.DISCOUNT).filter(source_id=any_of(discounts))
    return lines.values_list("source_id").annotate(Count("invoice", distinct=True))


def credits_left(
    organisations: Collection[UUID], before: Invoice | None = None
) -> Reading[Mapping[UUID, list[tuple[Credit, str]]]]:
    """Read what of each credit no invoice has taken yet, with its currency.

    In one round where there are none.
    """
    at = before.issued_at if before else END_OF_TIME
    [rows] = yield [_added(owners=list(organisations), at=at)]
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


@prepared
def _added(owners: Slot, at: Slot) -> QuerySet[accounts.Credit]:
    return accounts.Credit.objects.filter(organisation=any_of(owners), added_at__lte=at)


def _taken(
    organisations: Collection[UUID], before: Invoice | None
) -> Reading[Mapping[UUID | None, Decimal]]:
    """Read how much invoices took of each credit, granted or prepaid."""
    asked = _asked(organisations, before)
    granted, paid = yield [_taken_of_granted(**asked), _taken_of_prepaid(**asked)]
    return {source: -amount for source, amount in granted} | dict(paid)


@prepared
def _taken_of_granted(
    owners: Slot, at: Slot, before: Slot
) -> QuerySet[InvoiceLine, tuple[Any, ...]]:
    lines = _lines(owners, at, before, Kind.CREDIT)
    return lines.values_list("source_id").annotate(Sum("amount"))


@prepared
def _taken_of_prepaid(
    owners: Slot, at: Slot, before: Slot
) -> QuerySet[accounts.PrepaidUse, tuple[Any, ...]]:
    own = accounts.PrepaidUse.objects.filter(
        valid_as_of(at, before), credit__organisation=any_of(owners)
    )
    return own.order_by().values_list("credit").annotate(Sum("amount"))
