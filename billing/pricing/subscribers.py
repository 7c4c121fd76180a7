"""Who is on which version of a plan: whom a new version, or the end of one, would concern."""

from collections.abc import Iterable
from datetime import date

from billing.invoicing.models import Subscription
from billing.pricing.models import PlanVersion


def subscribers(versions: Iterable[PlanVersion], *, on: date) -> dict[PlanVersion, list[str]]:
    """Return the names of those who are on each version on a day, or have agreed to be later.

    Versions that nobody is on are absent.
    """
    asked = {version.pk: version for version in versions}
    found: dict[PlanVersion, list[str]] = {}
    rows = Subscription.objects.filter(plan_version__plan__in={v.plan_id for v in asked.values()})
    organisations = set(rows.values_list("organisation_id", flat=True))
    latest = (
        Subscription.objects.filter(organisation__in=organisations, starts_on__lte=on)
        .order_by("organisation_id", "-starts_on")
        .distinct("organisation_id")
    )
    later = Subscription.objects.filter(organisation__in=organisations, starts_on__gt=on)
    those = {*latest.values_list("pk", flat=True), *later.values_list("pk", flat=True)}
    rows = rows.filter(pk__in=those, plan_version__in=asked)
    for version, name in (
        rows.order_by("plan_version__number", "organisation__name")
        .values_list("plan_version_id", "organisation__name")
        .distinct()
    ):
        found.setdefault(asked[version], []).append(name)
    return found
