"""Make and publish plan versions. A draft can be edited; what is published stays as it is."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Model
from django.utils.translation import gettext

from billing.pricing.checks import InvalidCharges, check
from billing.pricing.models import Charge, Plan, PlanVersion, Tier


class CannotPublish(Exception):
    """The version cannot be published. The message says why."""


class NotADraft(CannotPublish):
    def __init__(self, version: PlanVersion) -> None:
        super().__init__(gettext("{version} is not a draft (any more).").format(version=version))


class NothingToCharge(CannotPublish):
    def __init__(self, version: PlanVersion) -> None:
        super().__init__(gettext("{version} has no charges yet.").format(version=version))


class InvalidCharge(CannotPublish):
    def __init__(self, charge: Charge, reason: str) -> None:
        super().__init__(f"{charge.version}, {charge.service}: {reason}")


class NotPublished(Exception):
    """Only a published version can be retired."""

    def __init__(self, version: PlanVersion) -> None:
        text = gettext("{version} is draft, not published.")
        if version.status == PlanVersion.Status.RETIRED:
            text = gettext("{version} is retired, not published.")
        super().__init__(text.format(version=version))


def with_plans(versions: Iterable[PlanVersion], plans: Iterable[Plan]) -> dict[int, PlanVersion]:
    """Return versions by their key, each with its plan, where both were read by themselves."""
    named = {one.pk: one for one in plans}
    found = {one.pk: one for one in versions}
    for one in found.values():
        one.plan = named[one.plan_id]
    return found


def publish(*, version: PlanVersion, now: datetime) -> None:
    """Make a draft available to customers, and immutable.

    Raises NotADraft, NothingToCharge or InvalidCharge; the version is a draft still then.
    """
    with transaction.atomic():
        # Under this lock nobody can change a charge, so what is checked is what stays.
        draft = PlanVersion.objects.select_for_update().filter(
            pk=version.pk, status=PlanVersion.Status.DRAFT
        )
        if draft.first() is None:
            raise NotADraft(version)
        _check_charges(version)
        draft.update(status=PlanVersion.Status.PUBLISHED, published_at=now)
    version.refresh_from_db()


def retire(*, version: PlanVersion) -> None:
    """Take a published version off the offer: nobody new comes to it, who is on it stays.

    Raises NotPublished.
    """
    claimed = PlanVersion.objects.filter(pk=version.pk, status=PlanVersion.Status.PUBLISHED)
    is_retired = claimed.update(status=PlanVersion.Status.RETIRED)
    version.refresh_from_db()
    if not is_retired:
        raise NotPublished(version)


def new_draft(*, version: PlanVersion) -> PlanVersion:
    """Copy a version with its terms, charges and tiers to a new draft of the same plan."""
    with transaction.atomic():
        draft = PlanVersion.objects.create(
            **_copied(version)
            | {
                "number": next_number(plan=version.plan),
                "status": PlanVersion.Status.DRAFT,
                "published_at": None,
                "effective_on": None,  # that of its own
            }
        )
        originals = list(version.charges.prefetch_related("tiers"))
        copies = Charge.objects.bulk_create(
            Charge(**_copied(charge) | {"version_id": draft.pk}) for charge in originals
        )
        Tier.objects.bulk_create(
            Tier(**_copied(tier) | {"charge_id": copy.pk})
            for charge, copy in zip(originals, copies, strict=True)
            for tier in charge.tiers.all()
        )
    return draft


def _copied(row: Model) -> dict[str, Any]:
    """Return all that a row says but who it is, by column."""
    columns = [field.attname for field in row._meta.concrete_fields if not field.primary_key]
    return {name: getattr(row, name) for name in columns}


def next_number(*, plan: Plan) -> int:
    """Return the number of the plan's next version, which is the caller's for this transaction."""
    Plan.objects.select_for_update().get(pk=plan.pk)
    highest = plan.versions.aggregate(highest=Max("number"))["highest"]
    return (highest or 0) + 1


def _check_charges(version: PlanVersion) -> None:
    found = version.charges.select_related("service", "version__plan").prefetch_related("tiers")
    charges = list(found)
    if not charges:
        raise NothingToCharge(version)
    try:
        check(charges)
    except InvalidCharges as error:
        raise InvalidCharge(error.charge, str(error)) from error
