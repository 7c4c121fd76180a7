"""What an organisation's days cost: as rate_organisations says, from figures that are read already.

The common case is rated here with few queries. What needs more is left to the room that knows it:
volume accounts, periods that a change of plan divides, unique counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.accounts.models import PoolMember, PriceOverride
from billing.dashboards.usage.days import UsageDays
from billing.dashboards.usage.used_services import UsedServices
from billing.exact import ZERO, exactly
from billing.invoicing.charging.agreed import Price, agreed, own_prices, prices_of
from billing.invoicing.charging.parts import Figures, Part
from billing.invoicing.charging.parts import read as parts_read
from billing.invoicing.charging.rate import RatedPeriod, Used, rate_agreed
from billing.invoicing.charging.schedule import Cycle, Cycles, cycle_of
from billing.invoicing.charging.standings import plans_had, versions_had
from billing.invoicing.charging.subscriptions import InForce
from billing.invoicing.models import Subscription
from billing.metering.models import Service
from billing.periods import Days
from billing.prepared import Slot, prepared
from billing.pricing.plans import with_plans
from billing.together import Reading, together
from catacloud.accounts.models import Organisation

A = Service.Aggregation


@dataclass(frozen=True)
class Agreed:
    """An organisation's subscriptions, the first one first, and what prices them beside plans."""

    subscriptions: Sequence[Subscription] = ()
    has_pool: bool = False
    has_own_prices: bool = False

    @cached_property
    def cycles(self) -> Cycles:
        """How its billing periods follow each other."""
        return [
            (
                one.starts_on,
                cycle_of(
                    billing_period=one.plan_version.billing_period,
                    anchor=one.plan_version.anchor,
                    subscribed_on=self.subscriptions[0].starts_on,
                ),
            )
            for one in self.subscriptions
        ]

    def cycle(self, today: date) -> Cycle:
        """Return how its periods follow each other now; months, while it is on no plan."""
        started = [cycle for starts_on, cycle in self.cycles if starts_on <= today]
        return started[-1] if started else Cycle()


def reading_agreed(owner: UUID) -> Reading[Agreed]:
    """Read it, in one round."""
    asked = [_subscriptions(owner=owner), versions_had(owners=[owner]), plans_had(owners=[owner])]
    each, versions, plans = yield asked
    named = with_plans(versions, plans)
    for one in each:
        one.plan_version = named[one.plan_version_id]
    return Agreed(each, each[-1].has_pool, each[-1].has_own) if each else Agreed()


@prepared
def _subscriptions(owner: Slot) -> QuerySet[Subscription]:
    pools = PoolMember.objects.filter(
        Q(organisation=OuterRef("organisation")) | Q(parent=OuterRef("organisation"))
    )
    own = PriceOverride.objects.filter(organisation=OuterRef("organisation"))
    found = Subscription.objects.filter(organisation=owner).order_by("starts_on", "pk")
    return found.annotate(has_pool=Exists(pools), has_own=Exists(own))


@dataclass(frozen=True, slots=True)
class Prices:
    """What some days are priced at; ``plan`` is None while the organisation is on none.

    They are ``left`` to reading_rated where more than days and their groups is needed.
    """

    days: Days
    plan: InForce | None = None
    each: Sequence[Price] = ()
    left: bool = False

    @property
    def grouped(self) -> set[tuple[int, str]]:
        """The services and dimensions whose values are priced by themselves."""
        return {
            (one.service.pk, one.part.dimension) for one in self.each if _is_of_values(one.part)
        }


def leaves(known: Agreed, days: Days) -> bool:
    """Say whether what is agreed on leaves days to reading_rated, whatever was used."""
    started = _started(known, days)
    return bool(started) and (known.has_pool or _is_divided(started, days))


def reading_prices(
    organisation: Organisation, known: Agreed, used: UsedServices, *, days: Days
) -> Reading[Prices]:
    """Read the prices of days, in one query."""
    started = _started(known, days)
    if not started:
        return Prices(days)
    version = started[-1].plan_version
    plan = InForce(version.pk, version.currency)
    if leaves(known, days) or not _says_all(used):
        return Prices(days, plan, left=True)
    owner = organisation.pk
    with_own = [owner] if known.has_own_prices else []
    of_plan, own = yield from together(
        prices_of([version.pk]), own_prices(days=days, organisations=with_own)
    )
    return Prices(days, plan, agreed(of_plan[version.pk], own.get(owner, [])))


def bill_so_far(
    organisation: Organisation,
    prices: Prices,
    services: Sequence[Service],
    usage: UsageDays,
    *,
    now: datetime,
) -> RatedPeriod | None:
    """Return the bill of days that are not left; None while the organisation is on no plan."""
    owner, days = organisation.pk, prices.days
    if prices.plan is None:
        return None
    figures = {(owner, one.pk): _figure(one, usage, days) for one in services}
    parts = [price.part for price in prices.each if not price.part.is_whole]
    told_apart = {
        (owner, part): Figures(_part_figure(part, usage, days))
        for part in parts
        if _is_of_values(part)
    }
    single = {part: [owner] for part in parts if not _is_of_values(part)}
    by_event = parts_read(single, days=days, now=now) if single else {}
    return rate_agreed(prices.plan, prices.each, Used(figures, {**told_apart, **by_event}), owner)


def _started(known: Agreed, days: Days) -> list[Subscription]:
    return [one for one in known.subscriptions if one.starts_on < days.end]


def _is_divided(started: Sequence[Subscription], days: Days) -> bool:
    return any(one.is_prorated and one.starts_on > days.first for one in started[1:])


def _says_all(used: UsedServices) -> bool:
    """Say whether days add up to the period: values that are told apart do not."""
    return used.is_all and all(one.aggregation != A.UNIQUE_COUNT for one in used.services)


def _is_of_values(part: Part) -> bool:
    return bool(part.dimension) and not part.by_event and part.service.is_additive


def _part_figure(part: Part, usage: UsageDays, days: Days) -> Decimal:
    """Return what days of a value come to, or of all values but those with a price."""
    values = usage.groups.get((part.service.pk, part.dimension), {})
    chosen = [part.value] if part.value else [one for one in values if one not in part.others]
    with exactly():
        return sum(
            (
                values[value][day].figure
                for value in chosen
                for day in days
                if day in values.get(value, {})
            ),
            ZERO,
        )


def _figure(service: Service, usage: UsageDays, days: Days) -> Decimal:
    """Return what days come to together, as usage.period_figures has it."""
    known = usage.days.get(service.pk, {})
    each = [known[day].figure for day in days if day in known]
    if not each:
        return ZERO
    if service.aggregation in (A.MAX, A.PEAK):
        return max(each)
    if service.aggregation == A.LATEST:
        return each[-1]
    with exactly():
        return sum(each, ZERO)
