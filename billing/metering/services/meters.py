"""Make, change and end services as programs ask for it. What was counted stays as it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from billing.metering.models import Definition, Dimension, Service

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # no event is older
# Until it starts, every worker has taken note; and events may be some minutes ahead of us.
SOON = timedelta(minutes=10)
AT_MOST, MOST = 100, 10_000  # values of a dimension: unless it is said, and at all
MOST_GROUPS = 20  # dimensions
RESERVED = ("subject", "customer_id")  # what a query groups by besides


class CannotChange(Exception):
    """The service cannot be made or changed so. The message says why."""


class AlreadyThere(CannotChange):
    def __init__(self, slug: str) -> None:
        super().__init__(f"There is a meter {slug!r} already: change it, or choose another slug.")


class ChangeIsComing(CannotChange):
    def __init__(self, starts_at: datetime) -> None:
        super().__init__(
            f"A change is on its way already, for {starts_at.isoformat()}: the next can be made "
            "once it counts."
        )


@dataclass(frozen=True, slots=True)
class Counting:
    """What a definition says: which events count, and how they are read. No types: none do."""

    event_types: list[str]
    quantity_path: str = ""
    allows_negative: bool = False
    dimensions: Mapping[str, str] = field(default_factory=dict)  # to the path of each
    limits: Mapping[str, int] = field(default_factory=dict)  # of each: values told apart


def counting_of(definition: Definition) -> Counting:
    dimensions = definition.dimensions.all()
    return Counting(
        event_types=definition.event_types,
        quantity_path=definition.quantity_path,
        allows_negative=definition.allows_negative,
        dimensions={one.name: one.path for one in dimensions},
        limits={one.name: one.at_most for one in dimensions},
    )


def newest_first(service: Service) -> list[Definition]:
    """Return a service's definitions, the one that starts last before all others."""
    return sorted(service.definitions.all(), key=lambda one: one.starts_at, reverse=True)


def latest(service: Service) -> Definition:
    return newest_first(service)[0]


def counting(service: Service) -> Definition:
    """Return the newest definition that counts anything: of an ended service, the one before."""
    return next(one for one in newest_first(service) if one.event_types)


def create(service: Service, asked: Counting, *, starts_at: datetime) -> None:
    """Make a service that counts events from a time on. Raises AlreadyThere."""
    try:
        with transaction.atomic():
            service.save(force_insert=True)
            _define(service, asked, starts_at=starts_at)
    except IntegrityError as error:
        if Service.objects.filter(slug=service.slug).exists():
            raise AlreadyThere(service.slug) from error
        raise


@transaction.atomic
def change(service: Service, asked: Counting, *, now: datetime) -> None:
    """Save the service's own fields, and count otherwise from soon on, if it is otherwise.

    Raises ChangeIsComing.
    """
    # Not as a key: batches refer to it while a new definition waits for them.
    locked = Service.objects.select_for_update(no_key=True).get(pk=service.pk)
    service.save()
    before = latest(locked)  # what the caller has read may be of before another's change
    if counting_of(before) == asked:
        return
    if before.starts_at > now:
        raise ChangeIsComing(before.starts_at)
    _define(service, asked, starts_at=now + SOON)


def end(service: Service, *, now: datetime) -> None:
    """Let the service count nothing from soon on; its history stays. Raises ChangeIsComing."""
    change(service, Counting(event_types=[]), now=now)


def _define(service: Service, asked: Counting, *, starts_at: datetime) -> None:
    definition = Definition.objects.create(
        service=service,
        starts_at=starts_at,
        event_types=asked.event_types,
        quantity_path=asked.quantity_path,
        allows_negative=asked.allows_negative,
    )
    Dimension.objects.bulk_create(
        Dimension(definition=definition, name=name, path=path, at_most=asked.limits[name])
        for name, path in asked.dimensions.items()
    )
