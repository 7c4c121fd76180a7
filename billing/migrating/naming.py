"""Name who moves: all of a version, who fits a filter, or a list."""

from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext

from billing.invoicing.charging.subscriptions import refuse_not_on_offer
from billing.invoicing.models import Subscription
from billing.migrating.models import Move, PlanMigration
from catacloud.accounts.models import Organisation


class CannotName(Exception):
    """The migration moves nobody, or names who is not there. The message says which."""


def name(migration: PlanMigration, *, now: datetime) -> PlanMigration:
    """Save a migration with those who would move. Raises CannotName, or NotOnOffer.

    Who is on the version already, on no plan, or on one in another currency does not move.
    """
    refuse_not_on_offer(migration.to_version, migration.starts_on or now.date())
    migration.named_at = now
    with transaction.atomic():
        found = list(_who(migration, now))
        if not found:
            raise CannotName(gettext("Nobody who can move to that version is named."))
        migration.save(force_insert=True)
        Move.objects.bulk_create(Move(migration=migration, organisation=one) for one in found)
    return migration


def _who(migration: PlanMigration, now: datetime) -> QuerySet[Organisation]:
    on = Subscription.objects.filter(
        organisation=OuterRef("pk"), starts_on__lte=now.date()
    ).order_by("-starts_on")
    found = Organisation.objects.annotate(
        version=Subquery(on.values("plan_version")[:1]),
        currency=Subquery(on.values("plan_version__currency")[:1]),
    ).filter(version__isnull=False, currency=migration.to_version.currency)
    found = found.exclude(version=migration.to_version_id)
    if migration.from_version_id:
        found = found.filter(version=migration.from_version_id)
    if migration.name_contains:
        found = found.filter(name__icontains=migration.name_contains)
    if slugs := migration.slugs.split():
        _refuse_unknown(slugs)
        found = found.filter(slug__in=slugs)
    return found.order_by("pk")


def _refuse_unknown(slugs: list[str]) -> None:
    known = set(Organisation.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    if unknown := [slug for slug in slugs if slug not in known]:
        why = gettext("There is no organisation {slugs}.")
        raise CannotName(why.format(slugs=", ".join(unknown)))
