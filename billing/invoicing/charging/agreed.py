"""Which prices hold for whom: those of plan versions, and what customers have of their own."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import NullIf

from billing.accounts.models import PoolMember, PriceOverride
from billing.accounts.own_prices import charge_from, terms_from
from billing.invoicing.charging.parts import Part, parts_of
from billing.invoicing.charging.subscriptions import InForce
from billing.metering.models import Service
from billing.periods import Days
from billing.prepared import Slot, any_of, prepared
from billing.pricing import tiers as priced
from billing.pricing.models import Charge, Tier
from billing.pricing.prices import Terms
from billing.pricing.tax_classes import STANDARD_CLASS
from billing.pricing.terms import terms_of
from billing.together import Reading, together

REST_LAST = NullIf("value", Value("")).asc(nulls_last=True)


@dataclass(frozen=True, slots=True)
class Price:
    """The terms of a part of a service's usage."""

    service: Service
    terms: Terms
    part: Part
    tax_class: str = STANDARD_CLASS


def prices_of(versions: Collection[int]) -> Reading[Mapping[int, list[Price]]]:
    """Read the prices of each version, in the order that invoices list them."""
    each = list(versions)
    asked = [_charges(versions=each), _priced(versions=each), _tiers(versions=each)]
    charges, services, tiers = yield asked
    named = {one.pk: one for one in services}
    steps: defaultdict[int, list[priced.Tier]] = defaultdict(list)
    for one in tiers:
        step = priced.Tier(one.up_to, one.unit_price, one.flat_fee, one.cap)
        steps[one.charge_id].append(step)
    of_version: defaultdict[int, list[Charge]] = defaultdict(list)
    for charge in charges:
        charge.service = named[charge.service_id]
        of_version[charge.version_id].append(charge)
    return defaultdict(
        list,
        {
            version: [
                Price(charge.service, terms_of(charge, steps[charge.pk]), part, charge.tax_class)
                for charge, part in zip(each, parts_of(each), strict=True)
            ]
            for version, each in of_version.items()
        },
    )


@prepared
def _charges(versions: Slot) -> QuerySet[Charge]:
    found = Charge.objects.filter(version=any_of(versions))
    return found.order_by("version", "service__name", "service", REST_LAST, "value")


@prepared
def _priced(versions: Slot) -> QuerySet[Service]:
    charges = Charge.objects.filter(version=any_of(versions))
    return Service.objects.filter(pk__in=charges.values("service"))


@prepared
def _tiers(versions: Slot) -> QuerySet[Tier]:
    return Tier.objects.filter(charge__version=any_of(versions))


def own_prices(
    *, days: Days, organisations: Collection[UUID]
) -> Reading[Mapping[UUID, list[Price]]]:
    """Read what each organisation has of its own on the last day, one for a service."""
    if not organisations:
        return {}
    asked = {"owners": list(organisations), "end": days.end}
    rows, services = yield [_own(**asked), _priced_own(**asked)]
    named = {one.pk: one for one in services}
    found: defaultdict[UUID, list[Price]] = defaultdict(list)
    for row in rows:
        charge = charge_from(row.terms)
        charge.service = named[row.service_id]
        [part] = parts_of([charge])
        found[row.organisation_id].append(Price(charge.service, terms_from(row.terms), part))
    return found


@prepared
def _own(owners: Slot, end: Slot) -> QuerySet[PriceOverride]:
    found = PriceOverride.objects.filter(organisation=any_of(owners)).filter(_until(end))
    return found.order_by("service__name", "pk")


@prepared
def _priced_own(owners: Slot, end: Slot) -> QuerySet[Service]:
    own = PriceOverride.objects.filter(organisation=any_of(owners)).filter(_until(end))
    return Service.objects.filter(pk__in=own.values("service"))


def agreed(prices: Sequence[Price], own: Sequence[Price]) -> list[Price]:
    """Put prices of one's own in the places of the plan's; further services come along.

    They are taxed as those of the plan, as what has no value in a dimension.
    """
    if not own:
        return list(prices)
    services = {price.service.pk for price in own}
    kept = [price for price in prices if price.service.pk not in services]
    classes = {price.service.pk: price.tax_class for price in prices}
    taxed = [
        replace(price, tax_class=classes.get(price.service.pk, STANDARD_CLASS)) for price in own
    ]
    return sorted([*kept, *taxed], key=lambda price: (price.service.name, price.service.pk))


@dataclass(frozen=True, slots=True)
class Pools:
    """Who is rated together: each member's parent, and each parent's members with itself."""

    parents: Mapping[UUID, UUID]

    def whole(self, parent: UUID) -> list[UUID]:
        return [parent, *(one for one, its in self.parents.items() if its == parent)]

    def parent_of(self, organisation: UUID) -> UUID | None:
        if organisation in self.parents:
            return self.parents[organisation]
        return organisation if organisation in self.parents.values() else None

    def of(self, organisations: Collection[UUID]) -> "Pools":
        """Return those that some are in, with all their members."""
        its = {self.parent_of(one) for one in organisations}
        return Pools({one: parent for one, parent in self.parents.items() if parent in its})

    def everyone(self) -> set[UUID]:
        return {*self.parents, *self.parents.values()}


def pools_of(*, days: Days, organisations: Sequence[UUID] | None) -> Reading[Pools]:
    """Read the pools on the last day that some organisations are in, with all their members."""
    if organisations is None:
        asked = _pairs(end=days.end)
    else:
        asked = _their_pairs(owners=list(organisations), end=days.end)
    [pairs] = yield [asked]
    return Pools(dict(pairs))


@prepared
def _pairs(end: Slot) -> QuerySet[PoolMember, tuple[UUID, UUID]]:
    found = PoolMember.objects.filter(_until(end)).order_by("organisation_id", "starts_on")
    return found.values_list("organisation_id", "parent_id")


@prepared
def _their_pairs(owners: Slot, end: Slot) -> QuerySet[PoolMember, tuple[UUID, UUID]]:
    its = PoolMember.objects.filter(_until(end), organisation=any_of(owners)).values("parent")
    found = PoolMember.objects.filter(Q(parent=any_of(owners)) | Q(parent__in=its), _until(end))
    pairs = found.order_by("organisation_id", "starts_on")
    return pairs.values_list("organisation_id", "parent_id")


def mates_of(organisations: Collection[UUID]) -> set[UUID]:
    """Return who else ever shared prices with some of these; in one query where nobody did."""
    own = PoolMember.objects.filter(
        Q(organisation__in=organisations) | Q(parent__in=organisations)
    ).order_by()
    parents = set(own.values_list("parent_id", flat=True))
    if not parents:
        return set()
    members = PoolMember.objects.filter(parent__in=parents).order_by()
    return {*parents, *members.values_list("organisation_id", flat=True)} - {*organisations}


class PlansOf(Protocol):
    """Says which plan version each of some organisations is on, on the last of some days."""

    def __call__(
        self, *, days: Days, organisations: Sequence[UUID] | None = None
    ) -> Reading[dict[UUID, InForce]]: ...


@dataclass(frozen=True, slots=True)
class Bound:
    """Who is on which plan, and who is rated together."""

    plans: Mapping[UUID, InForce]
    pools: Pools


@dataclass(frozen=True, slots=True)
class Held(Bound):
    """And by which prices each is rated."""

    prices: Mapping[UUID, Sequence[Price]]


def bound(
    *,
    days: Days,
    organisations: Sequence[UUID] | None,
    plans_of: PlansOf,
    pools: Pools | None = None,
) -> Reading[Bound]:
    """Read what holds on the last day, also of others in the volume accounts of these; the pools
    may be known.
    """
    if pools is None:
        pools, plans = yield from together(
            pools_of(days=days, organisations=organisations),
            plans_of(days=days, organisations=organisations),
        )
    else:
        plans = yield from plans_of(days=days, organisations=organisations)
    if organisations is not None and (others := pools.everyone() - {*organisations}):
        plans = yield from plans_of(days=days, organisations=[*organisations, *others])
    return Bound(plans, _usable(pools, plans))


def held(
    *,
    days: Days,
    organisations: Sequence[UUID] | None,
    plans_of: PlansOf,
    with_own_prices: bool = True,
    pools: Pools | None = None,
) -> Reading[Held]:
    """Read what holds on the last day; in a volume account, its parent's prices for all."""
    its = yield from bound(days=days, organisations=organisations, plans_of=plans_of, pools=pools)
    plans, pools = its.plans, its.pools
    of_versions, own = yield from together(
        prices_of({plan.plan_version_id for plan in plans.values()}),
        own_prices(days=days, organisations=list(plans) if with_own_prices else []),
    )
    prices = {
        owner: agreed(of_versions[plan.plan_version_id], own.get(owner, []))
        for owner, plan in plans.items()
    }
    prices |= {owner: prices[parent] for owner, parent in pools.parents.items()}
    return Held(plans, pools, prices)


def _usable(pools: Pools, plans: Mapping[UUID, InForce]) -> Pools:
    """Leave out who cannot be rated with the parent: one has no plan, or another currency."""
    return Pools(
        {
            owner: parent
            for owner, parent in pools.parents.items()
            if owner in plans
            and parent in plans
            and plans[owner].currency == plans[parent].currency
        }
    )


def _until(end: Slot) -> Q:
    """Say what holds on the last day before ``end``."""
    return Q(starts_on__lt=end) & (Q(ends_on=None) | Q(ends_on__gte=end))
