"""Which prices hold for whom: those of plan versions, and what customers have of their own."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet, Value
from django.db.models.functions import NullIf

from billing.accounts.models import PoolMember, PriceOverride
from billing.accounts.own_prices import charge_from, terms_from
from billing.invoicing.parts import Part, parts_of
from billing.invoicing.subscriptions import InForce
from billing.metering.models import Service
from billing.periods import Days
from billing.pricing.models import Charge
from billing.pricing.prices import Terms
from billing.pricing.tax_classes import STANDARD_CLASS
from billing.pricing.terms import terms_of

M = TypeVar("M", bound=Model)
REST_LAST = NullIf("value", Value("")).asc(nulls_last=True)


@dataclass(frozen=True, slots=True)
class Price:
    """The terms of a part of a service's usage."""

    service: Service
    terms: Terms
    part: Part
    tax_class: str = STANDARD_CLASS


def prices_of(versions: Iterable[int]) -> Mapping[int, list[Price]]:
    """Return the prices of each version, in the order that invoices list them."""
    found = (
        Charge.objects.filter(version__in=versions)
        .select_related("service")
        .prefetch_related("tiers")
        .order_by("version", "service__name", "service", REST_LAST, "value")
    )
    charges: defaultdict[int, list[Charge]] = defaultdict(list)
    for charge in found:
        charges[charge.version_id].append(charge)
    return defaultdict(
        list,
        {
            version: [
                Price(charge.service, terms_of(charge), part, charge.tax_class)
                for charge, part in zip(each, parts_of(each), strict=True)
            ]
            for version, each in charges.items()
        },
    )


def own_prices(*, days: Days, organisations: Collection[UUID]) -> Mapping[UUID, list[Price]]:
    """Return what each organisation has of its own on the last day, one for a service."""
    rows = _on_last_day(PriceOverride.objects.filter(organisation__in=organisations), days)
    found: defaultdict[UUID, list[Price]] = defaultdict(list)
    for row in rows.select_related("service").order_by("service__name", "pk"):
        charge = charge_from(row.terms)
        charge.service = row.service
        [part] = parts_of([charge])
        found[row.organisation_id].append(Price(row.service, terms_from(row.terms), part))
    return found


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

    def everyone(self) -> set[UUID]:
        return {*self.parents, *self.parents.values()}


def pools_of(*, days: Days, organisations: Sequence[UUID] | None) -> Pools:
    """Return the pools on the last day that some organisations are in, with all their members."""
    rows = _on_last_day(PoolMember.objects.all(), days)
    if organisations is not None:
        its = _on_last_day(PoolMember.objects.filter(organisation__in=organisations), days)
        rows = rows.filter(
            Q(parent__in=organisations) | Q(parent__in=its.order_by().values("parent"))
        )
    pairs = rows.order_by("organisation_id", "starts_on").values_list(
        "organisation_id", "parent_id"
    )
    return Pools(dict(pairs))


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
    ) -> dict[UUID, InForce]: ...


@dataclass(frozen=True, slots=True)
class Held:
    """Who is on which plan, by which prices each is rated, and who together."""

    plans: Mapping[UUID, InForce]
    prices: Mapping[UUID, Sequence[Price]]
    pools: Pools


def held(
    *,
    days: Days,
    organisations: Sequence[UUID] | None,
    plans_of: PlansOf,
    with_own_prices: bool = True,
) -> Held:
    """Return what holds on the last day; in a volume account, its parent's prices for all."""
    pools = pools_of(days=days, organisations=organisations)
    asked = None if organisations is None else [*{*organisations, *pools.everyone()}]
    plans = plans_of(days=days, organisations=asked)
    of_versions = prices_of({plan.plan_version_id for plan in plans.values()})
    own = own_prices(days=days, organisations=list(plans)) if with_own_prices else {}
    prices = {
        owner: agreed(of_versions[plan.plan_version_id], own.get(owner, []))
        for owner, plan in plans.items()
    }
    pools = _usable(pools, plans)
    prices |= {owner: prices[parent] for owner, parent in pools.parents.items()}
    return Held(plans, prices, pools)


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


def _on_last_day(rows: QuerySet[M], days: Days) -> QuerySet[M]:
    return rows.filter(starts_on__lt=days.end).filter(Q(ends_on=None) | Q(ends_on__gte=days.end))
