"""Which plans organisations were on, from when, and when they stood still."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from uuid import UUID

from django.db.models import QuerySet

from billing.accounts.models import Standstill
from billing.invoicing.charging.fees import Standing, Stay
from billing.invoicing.charging.schedule import cycle_of
from billing.invoicing.models import Subscription
from billing.prepared import Slot, any_of, prepared
from billing.pricing.models import Plan, PlanVersion
from billing.together import Reading, read


def standings_of(organisations: Collection[UUID]) -> Mapping[UUID, Standing]:
    return read(reading_standings(organisations))


def reading_standings(organisations: Collection[UUID]) -> Reading[Mapping[UUID, Standing]]:
    owners = list(organisations)
    asked = [
        _subscriptions(owners=owners),
        versions_had(owners=owners),
        _standstills(owners=owners),
    ]
    rows, plans, still = yield asked
    versions = {one.pk: one for one in plans}
    stays: defaultdict[UUID, list[Stay]] = defaultdict(list)
    firsts: dict[UUID, date] = {}
    for row in rows:
        owner = row.organisation_id
        first = firsts.setdefault(owner, row.starts_on)
        stay = stay_on(versions[row.plan_version_id], row.starts_on, subscribed_on=first)
        stays[owner].append(replace(stay, is_prorated=row.is_prorated))
    pauses: defaultdict[UUID, list[tuple[date, date | None]]] = defaultdict(list)
    for one in still:
        pauses[one.organisation_id].append((one.starts_on, one.ends_on))
    return {one: Standing(stays[one], pauses[one]) for one in organisations}


@prepared
def _subscriptions(owners: Slot) -> QuerySet[Subscription]:
    return Subscription.objects.filter(organisation=any_of(owners)).order_by("starts_on")


@prepared
def versions_had(owners: Slot) -> QuerySet[PlanVersion]:
    """Ask for the plan versions that organisations were, are or will be on."""
    own = Subscription.objects.filter(organisation=any_of(owners))
    return PlanVersion.objects.filter(pk__in=own.values("plan_version"))


@prepared
def plans_had(owners: Slot) -> QuerySet[Plan]:
    """Ask for the plans of these."""
    own = Subscription.objects.filter(organisation=any_of(owners))
    return Plan.objects.filter(pk__in=own.values("plan_version__plan"))


@prepared
def _standstills(owners: Slot) -> QuerySet[Standstill]:
    return Standstill.objects.filter(organisation=any_of(owners))


def stay_on(version: PlanVersion, starts_on: date, *, subscribed_on: date) -> Stay:
    """Return a stay on a version; ``subscribed_on`` is what anniversaries count from."""
    return Stay(
        starts_on=starts_on,
        is_prorated=False,
        currency=version.currency,
        base_fee=version.base_fee,
        is_in_advance=version.base_fee_timing == PlanVersion.Timing.IN_ADVANCE,
        base_fee_class=version.base_fee_tax_class,
        commitment=version.minimum_commitment,
        commitment_class=version.commitment_tax_class,
        cycle=cycle_of(
            billing_period=version.billing_period,
            anchor=version.anchor,
            subscribed_on=subscribed_on,
        ),
    )
