"""What an organisation used, and how it can be told apart."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import OuterRef, Q, QuerySet, Subquery

from billing.metering.models import Service
from billing.metering.usage_tables import DailyUsage
from billing.prepared import Slot, any_of, prepared
from billing.together import Reading
from catacloud.accounts.models import Organisation

MOST_SERVICES = 15  # on one page


@dataclass(frozen=True, slots=True)
class UsedServices:
    """Services by name, and the names of each one's dimensions, by its primary key."""

    services: Sequence[Service]
    dimensions: Mapping[int, Sequence[str]]
    is_all: bool = True  # else there are more than a page shows

    @property
    def groupings(self) -> list[str]:
        return sorted({name for names in self.dimensions.values() for name in names})

    def with_dimension(self, name: str) -> list[tuple[int, str]]:
        return [(one.pk, name) for one in self.services if name in self.dimensions.get(one.pk, ())]

    def named(self, slug: str) -> Service | None:
        return next((one for one in self.services if one.slug == slug), None)


def reading_services(
    organisation: Organisation, *, always: Collection[str]
) -> Reading[UsedServices]:
    """Read the services that an organisation ever used, and those that are always shown.

    Only where figures are sums parts make a whole, so no other service has dimensions here.
    """
    [found] = yield [_services(owner=organisation.pk, always=list(always))]
    services = found[:MOST_SERVICES]
    dimensions = {
        one.pk: [name for name in one.names or () if name] for one in services if one.is_additive
    }
    return UsedServices(services, dimensions, is_all=len(found) == len(services))


@prepared
def _services(owner: Slot, always: Slot) -> QuerySet[Service]:
    used = DailyUsage.objects.filter(organisation=owner, service=OuterRef("pk"))
    # One day of each is looked up; of what only has to exist, all days might be read.
    known = Service.objects.alias(some_day=Subquery(used.values("day")[:1]))
    known = known.filter(Q(some_day__isnull=False) | Q(slug=any_of(always))).order_by("name", "pk")
    named = known.annotate(names=ArrayAgg("definitions__dimensions__name", distinct=True))
    return named[: MOST_SERVICES + 1]
