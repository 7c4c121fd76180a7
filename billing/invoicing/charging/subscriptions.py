"""Put organisations on plan versions, and say who is on which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from billing.accounts.account import BillingAccount
from billing.accounts.commands import Agreement, pricing, tell
from billing.accounts.models import PoolMember
from billing.invoicing.models import Subscription
from billing.periods import Days
from billing.prepared import Slot, any_of, prepared
from billing.pricing.models import PlanVersion
from billing.together import Reading
from catacloud.accounts.models import Organisation


class CannotSubscribe(Exception):
    """The organisation cannot go on that plan version then. The message says why."""


class NotOnOffer(CannotSubscribe):
    def __init__(self, version: PlanVersion) -> None:
        why = gettext("{version} is {status}, not published.")
        status = version.get_status_display().lower()
        super().__init__(why.format(version=version, status=status))


class NotYetOnOffer(NotOnOffer):
    def __init__(self, version: PlanVersion) -> None:
        why = gettext("{version} is in effect from {day} on.")
        CannotSubscribe.__init__(self, why.format(version=version, day=version.effective_on))


class AlreadySubscribed(CannotSubscribe):
    def __init__(self, organisation: Organisation, starts_on: date) -> None:
        why = gettext("{organisation} already starts on a plan on {day}.")
        super().__init__(why.format(organisation=organisation, day=starts_on))


@dataclass(frozen=True, slots=True)
class InForce:
    """The plan version that an organisation is on."""

    plan_version_id: int
    currency: str


def subscribe(
    *, organisation: Organisation, plan_version: PlanVersion, starts_on: date, now: datetime
) -> Subscription:
    """Put the organisation on a published version from ``starts_on`` on: event and row at once.

    Raises NotOnOffer or AlreadySubscribed; Refused where its account is closed then, or the day is
    invoiced.
    """
    refuse_not_on_offer(plan_version, starts_on)
    try:
        with pricing(organisation, since=starts_on):
            decide = partial(
                BillingAccount.subscribe, plan_version=plan_version.pk, starts_on=starts_on, now=now
            )
            tell(organisation, decide)
            return Subscription.objects.create(
                organisation=organisation, plan_version=plan_version, starts_on=starts_on
            )
    except IntegrityError as error:
        if "one_subscription_per_day" in str(error):
            raise AlreadySubscribed(organisation, starts_on) from error
        raise


def change_plan(
    agreed: Agreement, *, plan_version: PlanVersion, starts_on: date, is_prorated: bool
) -> Subscription:
    """Put a subscriber on another version. Raises as :func:`subscribe`, and Refused.

    Prorated, the period is divided at ``starts_on``: each part is rated on its own plan, and fees,
    commitments, flat amounts and what is free are shared by days. Else all of the period is on the
    plan of its last day, so ``starts_on`` is best the first day of one.
    """
    refuse_not_on_offer(plan_version, starts_on)
    with pricing(agreed.organisation, since=starts_on):
        decide = partial(
            BillingAccount.change_plan,
            plan_version=plan_version.pk,
            starts_on=starts_on,
            is_prorated=is_prorated,
            currencies=_currencies(agreed.organisation, plan_version),
            reason=agreed.reason,
            now=agreed.now,
        )
        tell(agreed.organisation, decide, agreed.actor)
        return put_on(agreed.organisation, plan_version, starts_on, is_prorated=is_prorated)


def _currencies(organisation: Organisation, plan_version: PlanVersion) -> dict[int, str]:
    known = Q(pk=plan_version.pk) | Q(subscription__organisation=organisation)
    return dict(PlanVersion.objects.filter(known).values_list("pk", "currency"))


def put_on(
    organisation: Organisation, plan_version: PlanVersion, starts_on: date, *, is_prorated: bool
) -> Subscription:
    """Write the row of a change, in place of what was to start on that day."""
    subscription, _ = Subscription.objects.update_or_create(
        organisation=organisation,
        starts_on=starts_on,
        defaults={"plan_version": plan_version, "is_prorated": is_prorated},
    )
    return subscription


def refuse_not_on_offer(version: PlanVersion, starts_on: date) -> None:
    """Raise NotOnOffer unless it is published, and in effect on that day."""
    if version.status != PlanVersion.Status.PUBLISHED:
        raise NotOnOffer(version)
    if version.effective_on and starts_on < version.effective_on:
        raise NotYetOnOffer(version)


def in_force_at_end(
    *, days: Days, organisations: Sequence[UUID] | None = None
) -> Reading[dict[UUID, InForce]]:
    """Read what each organisation is on, on the last day; without one it is absent."""
    if organisations is None:
        asked = _in_force(end=days.end)
    else:
        asked = _their_in_force(owners=list(organisations), end=days.end)
    [rows] = yield [asked]
    return {
        organisation: InForce(plan_version, currency)
        for organisation, plan_version, currency in rows
    }


@prepared
def _in_force(end: Slot) -> QuerySet[Subscription, tuple[UUID, int, str]]:
    return _newest(Subscription.objects.filter(starts_on__lt=end))


@prepared
def _their_in_force(owners: Slot, end: Slot) -> QuerySet[Subscription, tuple[UUID, int, str]]:
    own = Subscription.objects.filter(organisation=any_of(owners))
    return _newest(own.filter(starts_on__lt=end))


def _newest(started: QuerySet[Subscription]) -> QuerySet[Subscription, tuple[UUID, int, str]]:
    newest = started.order_by("organisation_id", "-starts_on").distinct("organisation_id")
    return newest.values_list("organisation_id", "plan_version_id", "plan_version__currency")


def splits(
    *, days: Days, organisations: Sequence[UUID] | None = None
) -> Reading[dict[UUID, list[date]]]:
    """Read the days inside the period on which a change of plan divides it, of each it divides, and
    of parents of their volume accounts. A first subscription divides nothing.
    """
    span: dict[str, Any] = {"first": days.first, "end": days.end}
    if organisations is None:
        asked = _dividing(**span)
    else:
        asked = _theirs_dividing(owners=list(organisations), **span)
    by_owner: dict[UUID, list[date]] = {}
    [rows] = yield [asked]
    for owner, day in rows:
        by_owner.setdefault(owner, []).append(day)
    return by_owner


@prepared
def _dividing(first: Slot, end: Slot) -> QuerySet[Subscription, tuple[UUID, date]]:
    return _inside(first, end).values_list("organisation_id", "starts_on")


@prepared
def _theirs_dividing(
    owners: Slot, first: Slot, end: Slot
) -> QuerySet[Subscription, tuple[UUID, date]]:
    parents = PoolMember.objects.filter(organisation=any_of(owners)).values("parent")
    own = Q(organisation=any_of(owners)) | Q(organisation__in=parents)
    return _inside(first, end).filter(own).values_list("organisation_id", "starts_on")


def _inside(first: Slot, end: Slot) -> QuerySet[Subscription]:
    earlier = Subscription.objects.filter(
        organisation=OuterRef("organisation"), starts_on__lt=OuterRef("starts_on")
    )
    found = Subscription.objects.filter(Exists(earlier), is_prorated=True)
    return found.filter(starts_on__gt=first, starts_on__lt=end).order_by("starts_on")
