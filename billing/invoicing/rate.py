"""Rate what organisations used: the same for the preview so far and for the invoice."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing.exact import ZERO, exactly, in_units
from billing.invoicing.models import Invoice
from billing.invoicing.subscriptions import in_force_at_end
from billing.metering.usage import period_figures
from billing.periods import Days
from billing.pricing.currencies import round_amount
from billing.pricing.models import Charge
from billing.pricing.prices import Terms
from billing.pricing.rating import Usage, rate
from billing.pricing.terms import terms_of
from billing.pricing.tiers import Step


@dataclass(frozen=True, slots=True)
class RatedLine:
    """What one charge comes to. ``quantity`` is in the service's ``unit``."""

    service_id: int
    service_name: str
    quantity: Decimal
    unit: str
    amount: Decimal  # rounded to the currency's minor unit
    working: tuple[Step, ...]  # unrounded


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


def rate_organisations(
    *, days: Days, now: datetime, organisations: Sequence[UUID] | None = None
) -> dict[UUID, RatedPeriod]:
    """Rate the period, or what of it has passed at ``now``, in five queries however many there are.

    The plan of the period's last day prices all of it; an organisation without one is absent. Every
    charge makes a line, used or not. Raises InvalidPrice where a version was never checked.
    """
    plans = in_force_at_end(days=days, organisations=organisations)
    prices = _prices({plan.plan_version_id for plan in plans.values()})
    figures = {
        (row.organisation_id, row.service_id): row.figure
        for row in period_figures(days=days, now=now, organisations=list(plans))
    }
    return {
        organisation: _rated(
            organisation,
            plan.plan_version_id,
            plan.currency,
            prices[plan.plan_version_id],
            figures,
        )
        for organisation, plan in plans.items()
    }


def rate_invoiced(invoice: Invoice, *, now: datetime) -> RatedPeriod:
    """Rate an invoice's period as it stands now, on the plan version of the invoice."""
    figures = {
        (row.organisation_id, row.service_id): row.figure
        for row in period_figures(
            days=Days(invoice.starts_on, invoice.ends_on),
            now=now,
            organisations=[invoice.organisation_id],
        )
    }
    version = invoice.plan_version_id
    prices = _prices({version})[version]
    return _rated(invoice.organisation_id, version, invoice.currency, prices, figures)


def _rated(
    organisation: UUID,
    plan_version_id: int,
    currency: str,
    prices: Iterable[_Price],
    figures: Mapping[tuple[UUID, int], Decimal],
) -> RatedPeriod:
    lines = tuple(
        _line(price, figures.get((organisation, price.service_id), ZERO), currency)
        for price in prices
    )
    with exactly():
        total = sum((line.amount for line in lines), ZERO)
    return RatedPeriod(currency, plan_version_id, total, lines)


def _line(price: _Price, figure: Decimal, currency: str) -> RatedLine:
    quantity = in_units(figure, unit_size=price.unit_size)
    rated = rate(Usage(quantity), price.terms)
    return RatedLine(
        service_id=price.service_id,
        service_name=price.service_name,
        quantity=quantity,
        unit=price.unit,
        amount=round_amount(rated.amount, currency),
        working=rated.working,
    )


def _prices(versions: Iterable[int]) -> dict[int, list[_Price]]:
    """Return the charges of each version, in the order that invoices list them."""
    charges = (
        Charge.objects.filter(version__in=versions)
        .select_related("service")
        .prefetch_related("tiers")
        .order_by("version", "service__name", "id")
    )
    prices: dict[int, list[_Price]] = defaultdict(list)
    for charge in charges:
        service = charge.service
        prices[charge.version_id].append(
            _Price(service.pk, service.name, service.unit, service.unit_size, terms_of(charge))
        )
    return prices
