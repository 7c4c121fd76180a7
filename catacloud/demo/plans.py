"""The demo's price plans: a fee, tiers, what is free, and a price by region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.utils.text import slugify

from billing.metering.models import Dimension, Service
from billing.pricing.models import Charge, Plan, PlanVersion, Tier
from billing.pricing.plans import publish

DIMENSION = "region"
Tiers = list[tuple[str | None, str]]  # up to, and the price of a unit


@dataclass(frozen=True)
class Price:
    """The price of a service, and of what is used of it in some regions."""

    tiers: Tiers
    free: int = 0
    regions: Mapping[str, Tiers] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    name: str
    base_fee: int
    prices: Mapping[str, Price]  # by service
    commitment: int | None = None


OFFERS = [
    Offer(
        "Start",
        19,
        {
            "storage": Price([(None, "0.00072")], free=50_000),
            "execution-time": Price([("50", "3.40"), ("200", "2.95"), (None, "2.60")], free=5),
        },
    ),
    Offer(
        "Scale",
        249,
        {
            "storage": Price([("1000000", "0.00065"), ("5000000", "0.00056"), (None, "0.00047")]),
            "execution-time": Price([(None, "2.75")], regions={"us-east": [(None, "2.45")]}),
        },
        commitment=1_500,
    ),
]


def tell_regions_apart() -> None:
    """Let the usage of execution time be told apart by region, before any of it comes."""
    definition = Service.objects.get(slug="execution-time").definitions.get()
    Dimension.objects.create(definition=definition, name=DIMENSION, path="region", at_most=10)


def publish_all(now: datetime) -> dict[str, PlanVersion]:
    """Return the first version of each plan, by the plan's name."""
    return {offer.name: _publish(offer, now) for offer in OFFERS}


def _publish(offer: Offer, now: datetime) -> PlanVersion:
    plan = Plan.objects.create(slug=slugify(offer.name), name=offer.name)
    version = PlanVersion.objects.create(
        plan=plan,
        number=1,
        currency="EUR",
        base_fee=offer.base_fee,
        minimum_commitment=offer.commitment,
    )
    for slug, price in offer.prices.items():
        service = Service.objects.get(slug=slug)
        _charge(Charge(version=version, service=service, allowance=price.free), price.tiers)
        for region, tiers in price.regions.items():
            _charge(
                Charge(version=version, service=service, dimension=DIMENSION, value=region), tiers
            )
    publish(version=version, now=now)
    return version


def _charge(charge: Charge, tiers: Tiers) -> None:
    charge.model = Charge.Model.PER_UNIT if len(tiers) == 1 else Charge.Model.GRADUATED
    charge.save()
    for up_to, price in tiers:
        Tier.objects.create(
            charge=charge, up_to=up_to and Decimal(up_to), unit_price=Decimal(price)
        )
