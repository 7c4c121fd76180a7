"""What an organisation's days cost: as rate_organisations says, from figures that are read already.

The common case is rated here with few queries. What needs more is left to the room that knows it:
volume accounts, periods that a change of plan divides, unique counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q

from billing.accounts.models import PoolMember, PriceOverride
from billing.dashboards.usage_reads import UsageDays
from billing.exact import ZERO, exactly
from billing.invoicing.agreed import Price, agreed, own_prices, prices_of
from billing.invoicing.models import Subscription
from billing.invoicing.parts import read
from billing.invoicing.rate import RatedPeriod, Used, rate_agreed, rate_organisations
from billing.invoicing.schedule import Cycle, cycle_of
from billing.invoicing.subscriptions import InForce
from billing.metering.models import Service
from billing.periods import Days
from catacloud.accounts.models import Organisation

A = Service.Aggregation


@dataclass(frozen=True, slots=True)
class Agreed:
    """An organisation's subscriptions, the first one first, and what prices them beside plans."""

    subscriptions: Sequence[Subscription] = ()
    has_pool: bool = False
    has_own_prices: bool = False

    def cycle(self, today: date) -> Cycle:
        """Return how its billing periods follow each other; months, while it is on no plan."""
        started = [one for one in self.subscriptions if one.starts_on <= today]
        if not started:
            return Cycle()
        version = started[-1].plan_version
        return cycle_of(
            billing_period=version.billing_period,
            anchor=version.anchor,
            subscribed_on=self.subscriptions[0].starts_on,
        )


def agreed_with(organisation: Organisation) -> Agreed:
    """Read it, in one query."""
    pools = PoolMember.objects.filter(
        Q(organisation=OuterRef("organisation")) | Q(parent=OuterRef("organisation"))
    )
    own = PriceOverride.objects.filter(organisation=OuterRef("organisation"))
    found = Subscription.objects.filter(organisation=organisation).order_by("starts_on", "pk")
    found = found.select_related("plan_version__plan")
    each = list(found.annotate(has_pool=Exists(pools), has_own=Exists(own)))
    return Agreed(each, each[-1].has_pool, each[-1].has_own) if each else Agreed()


def bill_so_far(
    organisation: Organisation,
    known: Agreed,
    services: Sequence[Service],
    usage: UsageDays,
    *,
    days: Days,
    now: datetime,
) -> RatedPeriod | None:
    """Return the bill of some days; None while the organisation is on no plan."""
    owner = organisation.pk
    started = [one for one in known.subscriptions if one.starts_on < days.end]
    if not started:
        return None
    if known.has_pool or _is_divided(started, days) or _counts_values(services):
        return rate_organisations(days=days, now=now, organisations=[owner]).get(owner)
    version = started[-1].plan_version
    own = own_prices(days=days, organisations=[owner]) if known.has_own_prices else {}
    prices = agreed(prices_of([version.pk])[version.pk], own.get(owner, []))
    used = _used(organisation, prices, services, usage, days=days, now=now)
    return rate_agreed(InForce(version.pk, version.currency), prices, used, owner)


def _is_divided(started: Sequence[Subscription], days: Days) -> bool:
    return any(one.is_prorated and one.starts_on > days.first for one in started[1:])


def _counts_values(services: Sequence[Service]) -> bool:
    return any(one.aggregation == A.UNIQUE_COUNT for one in services)


def _used(
    organisation: Organisation,
    prices: Sequence[Price],
    services: Sequence[Service],
    usage: UsageDays,
    *,
    days: Days,
    now: datetime,
) -> Used:
    parts = {price.part: [organisation.pk] for price in prices if not price.part.is_whole}
    figures = {(organisation.pk, one.pk): _figure(one, usage, days) for one in services}
    return Used(figures, read(parts, days=days, now=now) if parts else {})


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
