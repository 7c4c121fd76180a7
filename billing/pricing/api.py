"""Plans over HTTP, to read: what is on offer, and what one is on. They are changed in the admin."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404
from ninja import Field, Router

from billing.exact import plain
from billing.invoicing.models import Subscription
from billing.metering.shapes import Shape
from billing.pricing.charges import Charge, Tier
from billing.pricing.models import PlanVersion
from billing.pricing.words import in_words
from catacloud.accounts.api_keys import KeyRequest
from catacloud.accounts.models import ApiKey

router = Router()

Number = Annotated[str, Field(description="A decimal number.", examples=["0.05"])]


class TierShape(Shape):
    """A step: units up to and including ``upTo``, or without end, cost ``unitPrice`` each."""

    up_to: Number | None
    unit_price: Annotated[str, Field(description="Of a percentage: the rate, in per cent.")]
    flat_fee: Number
    cap: Number | None


class ChargeShape(Shape):
    """The price of a service or, with a dimension, of what has one value in it."""

    service: Annotated[str, Field(description="The meter's slug.")]
    unit: str
    dimension: str | None
    value: str | None
    model: Charge.Model
    tax_class: str
    description: Annotated[str, Field(description="The same in words.")]
    amount: Number | None
    package_size: Number | None
    tiers: list[TierShape]
    divide_by: Number | None
    rounding: Charge.Rounding
    allowance: Number
    flat_fee_on_zero: bool
    minimum: Number | None
    maximum: Number | None
    event_fee: Number | None
    event_minimum: Number | None
    event_maximum: Number | None
    free_events: int | None


class PlanVersionShape(Shape):
    """A version of a plan. What is published never changes: a new price is a new version."""

    plan: Annotated[str, Field(description="The plan's slug.")]
    name: str
    version: int
    status: PlanVersion.Status
    published_at: datetime | None
    effective_on: date | None
    currency: str
    billing_period: PlanVersion.BillingPeriod
    anchor: PlanVersion.Anchor
    base_fee: Number
    base_fee_timing: PlanVersion.Timing
    base_fee_tax_class: str
    minimum_commitment: Number | None
    commitment_tax_class: str
    tax_behaviour: PlanVersion.TaxBehaviour
    charges: list[ChargeShape]


@router.get("/plans", response=list[PlanVersionShape], by_alias=True, summary="List plan versions")
def list_plans(request: KeyRequest) -> list[PlanVersionShape]:
    """List versions by plan and number: a platform's key sees all of them.

    An organisation's key sees those that are published, and those that it is or was on.
    """
    return [_version(version) for version in _visible(request.auth)]


@router.get(
    "/plans/{plan}/versions/{version}",
    response=PlanVersionShape,
    by_alias=True,
    summary="Get a plan version",
)
def get_plan_version(request: KeyRequest, plan: str, version: int) -> PlanVersionShape:
    """Tell a version's terms and prices, as in the list."""
    if not 0 < version < 2**31 or "\0" in plan:
        raise Http404
    found = _visible(request.auth).filter(plan__slug=plan, number=version).first()
    if found is None:
        raise Http404
    return _version(found)


def _visible(key: ApiKey) -> QuerySet[PlanVersion]:
    found = (
        PlanVersion.objects.select_related("plan")
        .prefetch_related("charges__service", "charges__tiers")
        .order_by("plan__slug", "number")
    )
    if key.organisation is None:
        return found
    own = Subscription.objects.filter(organisation=key.organisation, plan_version=OuterRef("pk"))
    return found.filter(Q(status=PlanVersion.Status.PUBLISHED) | Exists(own))


def _version(version: PlanVersion) -> PlanVersionShape:
    return PlanVersionShape(
        plan=version.plan.slug,
        name=version.plan.name,
        version=version.number,
        status=PlanVersion.Status(version.status),
        published_at=version.published_at,
        effective_on=version.effective_on,
        currency=version.currency,
        billing_period=PlanVersion.BillingPeriod(version.billing_period),
        anchor=PlanVersion.Anchor(version.anchor),
        base_fee=plain(version.base_fee),
        base_fee_timing=PlanVersion.Timing(version.base_fee_timing),
        base_fee_tax_class=version.base_fee_tax_class,
        minimum_commitment=_number(version.minimum_commitment),
        commitment_tax_class=version.commitment_tax_class,
        tax_behaviour=PlanVersion.TaxBehaviour(version.tax_behaviour),
        charges=[_charge(charge) for charge in version.charges.all()],
    )


def _number(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _charge(charge: Charge) -> ChargeShape:
    return ChargeShape(
        service=charge.service.slug,
        unit=charge.service.unit,
        dimension=charge.dimension or None,
        value=charge.value or None,
        model=Charge.Model(charge.model),
        tax_class=charge.tax_class,
        description=in_words(charge),
        tiers=[_tier(tier) for tier in charge.tiers.all()],
        rounding=Charge.Rounding(charge.rounding),
        flat_fee_on_zero=charge.flat_fee_on_zero,
        free_events=charge.free_events,
        amount=_number(charge.amount),
        package_size=_number(charge.package_size),
        divide_by=_number(charge.divide_by),
        allowance=plain(charge.allowance),
        minimum=_number(charge.minimum),
        maximum=_number(charge.maximum),
        event_fee=_number(charge.event_fee),
        event_minimum=_number(charge.event_minimum),
        event_maximum=_number(charge.event_maximum),
    )


def _tier(tier: Tier) -> TierShape:
    return TierShape(
        up_to=_number(tier.up_to),
        unit_price=plain(tier.unit_price),
        flat_fee=plain(tier.flat_fee),
        cap=_number(tier.cap),
    )
