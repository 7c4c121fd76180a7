"""What the invoice of a period is to say: the preview while it runs, and what closing it issues.

Both come from here, so a preview shows what will be invoiced. A draft is never kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial, reduce
from itertools import chain
from uuid import UUID

from billing.exact import ZERO, exactly
from billing.invoicing.charging.besides import Besides, besides, make
from billing.invoicing.charging.bill import Credit
from billing.invoicing.charging.rate import RatedPeriod, reading_rated
from billing.invoicing.charging.standings import plans_had, versions_had
from billing.invoicing.closing import following, inputs
from billing.invoicing.closing.draft_lines import DraftLine, lines_of
from billing.invoicing.closing.following import Left
from billing.invoicing.legal import LegalEntity
from billing.invoicing.parties import Party
from billing.invoicing.settling.correcting import (
    Corrected,
    CorrectionLine,
    Corrections,
    corrections,
)
from billing.invoicing.settling.credit_left import credit_left
from billing.invoicing.settling.giving_back import told_apart
from billing.invoicing.sides import Sides, sides_of
from billing.invoicing.tax import (
    Taxation,
    TaxLine,
    Treatment,
    gross_of,
    tax_lines,
    tax_of,
)
from billing.invoicing.wording.pen import Pen
from billing.periods import Days
from billing.pricing.models import PlanVersion
from billing.pricing.plans import with_plans
from billing.together import Reading, read, together
from catacloud.accounts.models import Organisation

TaxBehaviour = PlanVersion.TaxBehaviour


@dataclass(frozen=True, slots=True)
class Draft:
    """An invoice before its number. The lines are in order."""

    organisation: Organisation
    days: Days
    as_of: datetime
    currency: str
    plan_version: PlanVersion
    prices_include_tax: bool
    lines: Sequence[DraftLine]
    taxes: Sequence[TaxLine]
    entity: LegalEntity
    seller: Party
    buyer: Party
    language: str
    reference: str
    metered_until: int
    metered_others: Mapping[UUID, int]  # of who is rated with it, or was in an invoiced period
    credit_used: Decimal  # of what earlier invoices and credit notes have left
    prepaid: Sequence[Credit]  # that is there to be used, once it is known what is to be paid
    credited: Sequence[CorrectionLine]  # with it, on the invoices that they correct
    waiting: Corrections  # in other currencies: they wait for an invoice in theirs

    @property
    def total(self) -> Decimal:
        with exactly():
            return sum((line.amount for line in self.lines), ZERO)

    @property
    def tax(self) -> Decimal:
        return tax_of(self.taxes)

    @property
    def gross(self) -> Decimal:
        return gross_of(self.taxes)


def draft_of(
    *, organisation: Organisation, days: Days, now: datetime, after: Sequence[Draft] = ()
) -> Draft | None:
    """Return the draft for a period, as of ``now``; None where the organisation is on no plan.

    ``after`` are its drafts of periods before, which will be issued first. Raises InvalidPrice
    where the plan's tiers are, and NoRate where VAT would have none.
    """
    return drafts_of([organisation], days=days, now=now, after=after).get(organisation.pk)


def drafts_of(
    organisations: Sequence[Organisation],
    *,
    days: Days,
    now: datetime,
    after: Sequence[Draft] = (),
) -> dict[UUID, Draft]:
    """Return the drafts of many; who is on no plan is absent.

    In as many queries as for one, but for earlier periods that came to another amount. Raises what
    :func:`draft_of` does, though only one of them were the cause.
    """
    [its] = read(inputs_of(organisations, periods=[days], now=now))
    return its.drafts(after)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What the draft of one organisation is made of."""

    organisation: Organisation
    days: Days
    as_of: datetime
    period: RatedPeriod
    left: Left
    version: PlanVersion
    sides: Sides
    until: int
    until_others: Mapping[UUID, int]


class Inputs(dict[UUID, _Inputs]):
    """What drafts of a period are made of, by organisation."""

    def drafts(self, after: Sequence[Draft] = (), *, language: str = "") -> dict[UUID, Draft]:
        """Make them; ``after`` are drafts of periods before, which will be issued first. Pure.

        Their words are of the language: the customer's by default, in which invoices are issued.
        """
        return {
            owner: _draft(
                replace(
                    one,
                    left=reduce(
                        following.after,
                        (draft for draft in after if draft.organisation.pk == owner),
                        one.left,
                    ),
                ),
                language or one.sides.language,
            )
            for owner, one in self.items()
        }


@dataclass(frozen=True, slots=True)
class _Known:
    """What the drafts of all periods are made of alike."""

    asked: Mapping[UUID, Organisation]
    as_of: datetime
    corrected: Corrected
    until: Mapping[UUID, int]
    credit: Mapping[tuple[UUID, str], Decimal]
    sides: Mapping[UUID, Sides]
    agreed: Mapping[int, PlanVersion]

    def inputs(self, owner: UUID, days: Days, period: RatedPeriod, its: Besides) -> _Inputs:
        currency = period.currency
        others = {*period.together, *self.corrected.mates.get(owner, ())} - {owner}
        return _Inputs(
            organisation=self.asked[owner],
            days=days,
            as_of=self.as_of,
            period=period,
            left=Left(its, {currency: self.credit[owner, currency]}, self.corrected.lines[owner]),
            version=self.agreed[period.plan_version_id],
            sides=self.sides[owner],
            until=self.until[owner],
            until_others={one: self.until[one] for one in others},
        )


def inputs_of(
    organisations: Sequence[Organisation], *, periods: Sequence[Days], now: datetime
) -> Reading[list[Inputs]]:
    """Read what the drafts of periods are made of, one after the other, for who is on a plan."""
    asked = {one.pk: one for one in organisations}
    (usage, until), each, credit, sides, agreed = yield from together(
        inputs.settled(partial(_of_usage, list(asked), periods, now), _whose),
        together(*(besides(days=days, organisations=list(asked)) for days in periods)),
        credit_left(list(asked)),
        sides_of(organisations, on=now.date()),
        _plans(list(asked)),
    )
    rated_each, corrected = usage
    known = _Known(asked, now, corrected, until, credit, sides, agreed)
    return [
        Inputs({one: known.inputs(one, days, its, beside[one]) for one, its in rated.items()})
        for days, rated, beside in zip(periods, rated_each, each, strict=True)
    ]


_Usage = tuple[Sequence[Mapping[UUID, RatedPeriod]], Corrected]


def _of_usage(
    organisations: Sequence[UUID], periods: Sequence[Days], now: datetime
) -> Reading[_Usage]:
    *rated, corrected = yield from together(
        *(reading_rated(days=days, now=now, organisations=organisations) for days in periods),
        corrections(organisations=organisations, now=now),
    )
    return rated, corrected


def _whose(read: _Usage) -> set[UUID]:
    """Return whose usage it is that was rated, now or before."""
    rated, corrected = read
    now = (one.together for each in rated for one in each.values())
    return {*chain(*rated), *chain(*now), *chain(*corrected.mates.values())}


def _plans(owners: list[UUID]) -> Reading[dict[int, PlanVersion]]:
    return with_plans(*(yield [versions_had(owners=owners), plans_had(owners=owners)]))


def _draft(of: _Inputs, language: str) -> Draft:
    currency, left, sides = of.period.currency, of.left, of.sides
    corrected, credited = told_apart(left.to_correct.get(currency, []))
    bill = make(of.period, left.its, days=of.days, corrections=[one.line for one in corrected])
    lines = lines_of(bill, corrected, Pen(language, currency))
    taxes = _tax(lines, sides, of.version)
    return Draft(
        organisation=of.organisation,
        days=of.days,
        as_of=of.as_of,
        currency=currency,
        plan_version=of.version,
        prices_include_tax=of.version.tax_behaviour == TaxBehaviour.INCLUSIVE,
        lines=lines,
        taxes=taxes,
        entity=sides.entity,
        seller=sides.seller,
        buyer=sides.buyer,
        language=language,
        reference=sides.reference,
        metered_until=of.until,
        metered_others=of.until_others,
        credit_used=max(min(left.credit[currency], gross_of(taxes)), ZERO),
        prepaid=left.its.prepaid(currency),
        credited=credited,
        waiting={other: lines for other, lines in left.to_correct.items() if other != currency},
    )


def _tax(lines: Sequence[DraftLine], sides: Sides, version: PlanVersion) -> list[TaxLine]:
    """Number the lines, and say of each how it is taxed."""
    rates = None if version.tax_behaviour == TaxBehaviour.NONE else sides.rates
    taxed = Taxation(sides.seller.taxpayer, sides.buyer.taxpayer, rates)
    treatments = {one: taxed.of(one) for one in {line.tax_class for line in lines}}
    amounts: list[tuple[Treatment, Decimal]] = []
    for position, line in enumerate(lines, 1):
        treated = treatments[line.tax_class]
        line.position = position
        line.tax_category, line.tax_rate = treated.category, treated.rate
        amounts.append((treated, line.amount))
    included = version.tax_behaviour == TaxBehaviour.INCLUSIVE
    return tax_lines(amounts, currency=version.currency, included=included)
