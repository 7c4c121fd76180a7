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

from django.db.models import QuerySet

from billing.exact import ZERO, exactly
from billing.invoicing import following, inputs
from billing.invoicing.besides import besides, make
from billing.invoicing.bill import Credit
from billing.invoicing.correcting import Corrected, CorrectionLine, Corrections, corrections
from billing.invoicing.credit_left import credit_left
from billing.invoicing.draft_lines import DraftLine, lines_of
from billing.invoicing.following import Left
from billing.invoicing.giving_back import told_apart
from billing.invoicing.legal import LegalEntity, Sides, sides_of
from billing.invoicing.models import Subscription
from billing.invoicing.parties import Party
from billing.invoicing.pen import Pen
from billing.invoicing.rate import RatedPeriod, reading_rated
from billing.invoicing.tax import (
    Taxation,
    TaxLine,
    Treatment,
    gross_of,
    tax_lines,
    tax_of,
)
from billing.periods import Days
from billing.pricing.models import Plan, PlanVersion
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
    return read(inputs_of(organisations, days=days, now=now)).drafts(after)


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

    def drafts(self, after: Sequence[Draft] = ()) -> dict[UUID, Draft]:
        """Make them; ``after`` are drafts of periods before, which will be issued first. Pure."""
        return {
            owner: _draft(
                replace(
                    one,
                    left=reduce(
                        following.after,
                        (draft for draft in after if draft.organisation.pk == owner),
                        one.left,
                    ),
                )
            )
            for owner, one in self.items()
        }


def inputs_of(
    organisations: Sequence[Organisation], *, days: Days, now: datetime
) -> Reading[Inputs]:
    """Read what the drafts of a period are made of, for who is on a plan."""
    asked = {one.pk: one for one in organisations}
    own = Subscription.objects.filter(organisation__in=asked).order_by()
    versions = PlanVersion.objects.filter(pk__in=own.values("plan_version"))
    (usage, until), its, credit, sides, agreed = yield from together(
        inputs.settled(partial(_of_usage, list(asked), days, now), _whose),
        besides(days=days, organisations=list(asked)),
        credit_left(list(asked)),
        sides_of(organisations, on=now.date()),
        _plans(versions),
    )
    rated, corrected = usage
    return Inputs(
        {
            owner: _Inputs(
                organisation=asked[owner],
                days=days,
                as_of=now,
                period=period,
                left=Left(
                    its[owner],
                    {period.currency: credit[owner, period.currency]},
                    corrected.lines[owner],
                ),
                version=agreed[period.plan_version_id],
                sides=sides[owner],
                until=until[owner],
                until_others={
                    one: until[one]
                    for one in (*period.together, *corrected.mates.get(owner, ()))
                    if one != owner
                },
            )
            for owner, period in rated.items()
        }
    )


def _of_usage(
    organisations: Sequence[UUID], days: Days, now: datetime
) -> Reading[tuple[dict[UUID, RatedPeriod], Corrected]]:
    rated, corrected = yield from together(
        reading_rated(days=days, now=now, organisations=organisations),
        corrections(organisations=organisations, now=now),
    )
    return rated, corrected


def _whose(read: tuple[Mapping[UUID, RatedPeriod], Corrected]) -> set[UUID]:
    """Return whose usage it is that was rated, now or before."""
    rated, corrected = read
    now, before = (period.together for period in rated.values()), corrected.mates.values()
    return {*rated, *chain.from_iterable(now), *chain.from_iterable(before)}


def _plans(versions: QuerySet[PlanVersion]) -> Reading[dict[int, PlanVersion]]:
    plans = Plan.objects.filter(pk__in=versions.order_by().values("plan"))
    return with_plans(*(yield [versions, plans]))


def _draft(of: _Inputs) -> Draft:
    currency, left, sides = of.period.currency, of.left, of.sides
    corrected, credited = told_apart(left.to_correct.get(currency, []))
    bill = make(of.period, left.its, days=of.days, corrections=[one.line for one in corrected])
    lines = lines_of(bill, corrected, Pen(sides.language, currency))
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
        language=sides.language,
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
