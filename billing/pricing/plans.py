"""Make and publish plan versions. A draft can be edited; what is published stays as it is."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from billing.pricing.models import Charge, Plan, PlanVersion, Tier
from billing.pricing.rating import InvalidTiers, check_tiers
from billing.pricing.rating import Tier as RatingTier


class CannotPublish(Exception):
    """The version cannot be published. The message says why."""


class NotADraft(CannotPublish):
    def __init__(self, version: PlanVersion) -> None:
        super().__init__(f"{version} is not a draft (any more).")


class NothingToCharge(CannotPublish):
    def __init__(self, version: PlanVersion) -> None:
        super().__init__(f"{version} has no charges yet.")


class InvalidCharge(CannotPublish):
    def __init__(self, charge: Charge, reason: str) -> None:
        super().__init__(f"{charge.version}, {charge.service}: {reason}")


def publish(*, version: PlanVersion, now: datetime) -> None:
    """Make a draft available to customers, and immutable.

    Raises NotADraft, NothingToCharge or InvalidCharge; the version is a draft still then.
    """
    with transaction.atomic():
        claimed = PlanVersion.objects.filter(pk=version.pk, status=PlanVersion.Status.DRAFT).update(
            status=PlanVersion.Status.PUBLISHED, published_at=now
        )
        if not claimed:
            raise NotADraft(version)
        # Only now: since the claim nobody can change a charge, so what is checked is what stays.
        _check_charges(version)
    version.refresh_from_db()


def new_draft(*, version: PlanVersion) -> PlanVersion:
    """Copy a version with its charges and tiers to a new draft of the same plan."""
    with transaction.atomic():
        draft = PlanVersion.objects.create(
            plan=version.plan, number=next_number(plan=version.plan), currency=version.currency
        )
        originals = list(version.charges.prefetch_related("tiers"))
        copies = Charge.objects.bulk_create(
            Charge(version=draft, service_id=charge.service_id, model=charge.model)
            for charge in originals
        )
        Tier.objects.bulk_create(
            Tier(charge=copy, up_to=tier.up_to, unit_price=tier.unit_price)
            for charge, copy in zip(originals, copies, strict=True)
            for tier in charge.tiers.all()
        )
    return draft


def next_number(*, plan: Plan) -> int:
    """Return the number of the plan's next version, which is the caller's for this transaction."""
    Plan.objects.select_for_update().get(pk=plan.pk)
    highest = plan.versions.aggregate(highest=Max("number"))["highest"]
    return (highest or 0) + 1


def check_charge(*, model: str, tiers: Sequence[RatingTier]) -> None:
    """Raise InvalidTiers unless the tiers price every quantity, in the way of the charge model."""
    check_tiers(tiers)
    if model == Charge.Model.PER_UNIT and len(tiers) != 1:
        raise InvalidTiers("A charge per unit has one tier, without end.")


def _check_charges(version: PlanVersion) -> None:
    charges = version.charges.select_related("service", "version__plan").prefetch_related("tiers")
    if not charges:
        raise NothingToCharge(version)
    for charge in charges:
        tiers = [RatingTier(tier.up_to, tier.unit_price) for tier in charge.tiers.all()]
        try:
            check_charge(model=charge.model, tiers=tiers)
        except InvalidTiers as error:
            raise InvalidCharge(charge, str(error)) from error
