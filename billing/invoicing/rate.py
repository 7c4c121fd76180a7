"""Rate what organisations used: the same for the preview so far and for the invoice."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import NullIf

from billing.exact import ZERO, exactly, in_units
from billing.invoicing.models import Invoice
from billing.invoicing.parts import Figures, Part, parts_of, read
from billing.invoicing.subscriptions import in_force_at_end
from billing.metering.usage import period_figures
from billing.periods import Days
from billing.pricing.currencies import round_amount
from billing.pricing.models import Charge
from billing.pricing.prices import Terms
from billing.pricing.rating import Usage, rate
from billing.pricing.terms import terms_of
from billing.pricing.tiers import Step

REST_LAST = NullIf("value", Value("")).asc(nulls_last=True)


@dataclass(frozen=True, slots=True)
class RatedLine:
    """What one charge comes to. ``quantity`` is in the service's ``unit``."""

    service_id: int
    service_name: str
    quantity: Decimal
    unit: str
    amount: Decimal  # rounded to the currency's minor unit
    working: tuple[Step, ...]  # unrounded
    value: str = ""  # of the dimension, where the charge is for one


@dataclass(frozen=True, slots=True)
class RatedPeriod:
    """What one organisation owes for a period, in ``currency``."""

    currency: str
    plan_version_id: int
    total: Decimal
    lines: tuple[RatedLine, ...]


@dataclass(frozen=True, slots=True)
class _Price:
    service_id: int
    service_name: str
    unit: str
    unit_size: Decimal
    terms: Terms
    part: Part


class _Usage(NamedTuple):
    """What was used: of whole services, and of the parts of some."""

    figures: Mapping[tuple[UUID, int], Decimal]
    parts: Mapping[tuple[UUID, Part], Figures]

    def of(self, organisation: UUID, price: _Price) -> Usage:
        """Return it in the service's unit."""
        if price.part.is_whole:
            figure = self.figures.get((organisation, price.service_id), ZERO)
            return Usage(in_units(figure, unit_size=price.unit_size))
        used = self.parts.get((organisation, price.part), Figures())
        events = [in_units(one, unit_size=price.unit_size) for one in used.events]
        if price.part.by_event:
            with exactly():
                return Usage(sum(events, ZERO), events)
        return Usage(in_units(used.figure, unit_size=price.unit_size))


def rate_organisations(
    *, days: Days, now: datetime, organisations: Sequence[UUID] | None = None
) -> dict[UUID, RatedPeriod]:
    """Rate the period, or what of it has passed at ``now``, in five queries however many there are.

    Where charges are for a value of a dimension, or for single events, each has a query more.

    The plan of the period's last day prices all of it; an organisation without one is absent. Every
    charge makes a line, used or not. Raises InvalidPrice where a version was never checked.
    """
    plans = in_force_at_end(days=days, organisations=organisations)
    prices = _prices({plan.plan_version_id for plan in plans.values()})
    each = {organisation: prices[plan.plan_version_id] for organisation, plan in plans.items()}
    used = _used(each, days=days, now=now)
    return {
        organisation: _rated(
            organisation, plan.plan_version_id, plan.currency, each[organisation], used
        )
        for organisation, plan in plans.items()
    }


def rate_invoiced(invoice: Invoice, *, now: datetime) -> RatedPeriod:
    """Rate an invoice's period as it stands now, on the plan version of the invoice."""
    version, organisation = invoice.plan_version_id, invoice.organisation_id
    prices = _prices({version})[version]
    used = _used({organisation: prices}, days=Days(invoice.starts_on, invoice.ends_on), now=now)
    return _rated(organisation, version, invoice.currency, prices, used)


def _used(each: Mapping[UUID, Sequence[_Price]], *, days: Days, now: datetime) -> _Usage:
    """Read what organisations used of what their prices are for."""
    figures = {
        (row.organisation_id, row.service_id): row.figure
        for row in period_figures(days=days, now=now, organisations=list(each))
    }
    asked: defaultdict[Part, list[UUID]] = defaultdict(list)
    for organisation, prices in each.items():
        for price in prices:
            if not price.part.is_whole:
                asked[price.part].append(organisation)
    return _Usage(figures, read(asked, days=days, now=now) if asked else {})


def _rated(
    organisation: UUID,
    plan_version_id: int,
    currency: str,
    prices: Iterable[_Price],
    used: _Usage,
) -> RatedPeriod:
    lines = tuple(_line(price, used.of(organisation, price), currency) for price in prices)
    with exactly():
        total = sum((line.amount for line in lines), ZERO)
    return RatedPeriod(currency, plan_version_id, total, lines)


def _line(price: _Price, usage: Usage, currency: str) -> RatedLine:
    rated = rate(usage, price.terms)
    return RatedLine(
        service_id=price.service_id,
        service_name=price.service_name,
        quantity=usage.quantity,
        unit=price.unit,
        amount=round_amount(rated.amount, currency),
        working=rated.working,
        value=price.part.value,
    )


def _prices(versions: Iterable[int]) -> dict[int, list[_Price]]:
    """Return the charges of each version, in the order that invoices list them."""
    found = (
        Charge.objects.filter(version__in=versions)
        .select_related("service")
        .prefetch_related("tiers")
        .order_by("version", "service__name", "service", REST_LAST, "value")
    )
    charges: defaultdict[int, list[Charge]] = defaultdict(list)
    for charge in found:
        charges[charge.version_id].append(charge)
    return defaultdict(list, {version: _priced(each) for version, each in charges.items()})


def _priced(charges: Sequence[Charge]) -> list[_Price]:
    return [
        _Price(
            charge.service_id,
            charge.service.name,
            charge.service.unit,
            charge.service.unit_size,
            terms_of(charge),
            part,
        )
        for charge, part in zip(charges, parts_of(charges), strict=True)
    ]
