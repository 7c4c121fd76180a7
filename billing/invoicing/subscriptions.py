"""Put organisations on plan versions, and say who is on which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction

from billing.account import BillingAccount, account_id
from billing.invoicing.models import Subscription
from billing.periods import Days
from billing.pricing.models import PlanVersion
from catacloud.accounts.models import Organisation
from eventstore import repository


class CannotSubscribe(Exception):
    """The organisation cannot go on that plan version then. The message says why."""


class NotOnOffer(CannotSubscribe):
    def __init__(self, version: PlanVersion) -> None:
        super().__init__(f"{version} is {version.get_status_display().lower()}, not published.")


class AlreadySubscribed(CannotSubscribe):
    def __init__(self, organisation: Organisation, starts_on: date) -> None:
        super().__init__(f"{organisation} already starts on a plan on {starts_on}.")


@dataclass(frozen=True, slots=True)
class InForce:
    """The plan version that an organisation is on."""

    plan_version_id: int
    currency: str


def subscribe(
    *, organisation: Organisation, plan_version: PlanVersion, starts_on: date, now: datetime
) -> Subscription:
    """Put the organisation on a published version from ``starts_on`` on: event and row at once.

    Raises NotOnOffer or AlreadySubscribed.
    """
    if plan_version.status != PlanVersion.Status.PUBLISHED:
        raise NotOnOffer(plan_version)
    try:
        with transaction.atomic():
            repository.execute(
                BillingAccount,
                tenant_id=organisation.pk,
                stream_id=account_id(organisation.pk),
                decide=partial(
                    BillingAccount.subscribe,
                    plan_version=plan_version.pk,
                    starts_on=starts_on,
                    now=now,
                ),
            )
            return Subscription.objects.create(
                organisation=organisation, plan_version=plan_version, starts_on=starts_on
            )
    except IntegrityError as error:
        if "one_subscription_per_day" in str(error):
            raise AlreadySubscribed(organisation, starts_on) from error
        raise


def in_force_at_end(
    *, days: Days, organisations: Sequence[UUID] | None = None
) -> dict[UUID, InForce]:
    """Return what each organisation is on, on the last day; without one it is absent."""
    found = Subscription.objects.filter(starts_on__lt=days.end)
    if organisations is not None:
        found = found.filter(organisation__in=organisations)
    rows = (
        found.order_by("organisation_id", "-starts_on")
        .distinct("organisation_id")
        .values_list("organisation_id", "plan_version_id", "plan_version__currency")
    )
    return {
        organisation: InForce(plan_version, currency)
        for organisation, plan_version, currency in rows
    }
