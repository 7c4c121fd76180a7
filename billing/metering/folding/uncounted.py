"""How many events do not count, by day and reason: nothing is taken and silently never billed.

The saga keeps them as it keeps usage: in any order, and taken back with what is voided. What came
before there was this table, ``rebuild_usage`` adds. Days are those of UTC, for whoever operates.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, models
from django.db.models import Q

from billing.together import Raw, Reading, read
from catacloud.accounts.models import Organisation

NOBODY = 0  # in the place of a service: there is none that counts the event's type
RECENT = timedelta(days=30)


class UncountedDay(models.Model):
    """How many events of a day a service should count and cannot read, or no service counts."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    service_id = models.BigIntegerField(help_text="0 where no service counts the type.")
    day = models.DateField(help_text="Of UTC.")
    event_count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "day", "service_id"], name="one_uncounted_day_per_service"
            ),
            models.CheckConstraint(condition=Q(event_count__gt=0), name="uncounted_are_some"),
        ]
        indexes = [models.Index(fields=["day"], name="uncounted_of_all")]  # the overview

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.service_id} {self.day}: {self.event_count}"


class Place(NamedTuple):
    """Whose day; the service that cannot read events, by its slug, or the empty text for none."""

    organisation_id: UUID
    day: date
    service: str


Uncounted = Counter[Place]


def place_of(organisation_id: UUID, service: str | None, at: datetime) -> Place:
    return Place(organisation_id, at.astimezone(UTC).date(), service or "")


def add(changes: Uncounted, *, services: dict[str, int]) -> None:
    """Add by how much days change. Only the metrics saga does."""
    rows = [
        (place.organisation_id, place.day, services.get(place.service, NOBODY), count)
        for place, count in sorted(changes.items())
    ]
    for sql, some in (
        (ADD, [row for row in rows if row[-1] > 0]),
        (TAKE, [(*row[:-1], -row[-1]) for row in rows if row[-1] < 0]),
    ):
        if some:
            with connection.cursor() as cursor:
                cursor.execute(sql, [list(column) for column in zip(*some, strict=True)])


@dataclass(frozen=True, slots=True)
class Reason:
    """How many events of a day do not count because of one thing."""

    day: date
    service: str  # the slug of the one that cannot read them; "" where none counts their type
    name: str
    count: int


def by_day(organisation_id: UUID | None, *, today: date) -> Sequence[Reason]:
    """Return the last 30 days' events that do not count, of an organisation or of all of them."""
    with connection.cursor() as cursor:
        cursor.execute(BY_DAY, {"owner": organisation_id, "since": today - RECENT})
        return [Reason(*row) for row in cursor]


def by_service(*, today: date) -> dict[str, int]:
    """Return how many events of the last 30 days, of all organisations, do not count.

    By the slug of the service that cannot read them; "" where none counts their type.
    """
    with connection.cursor() as cursor:
        cursor.execute(BY_SERVICE, {"since": today - RECENT})
        return dict(cursor.fetchall())


def recent(organisation_id: UUID | None, *, today: date) -> int:
    """Return how many events of the last 30 days do not count."""
    return read(reading_recent(organisation_id, today=today))


def reading_recent(organisation_id: UUID | None, *, today: date) -> Reading[int]:
    """Read what :func:`recent` returns."""
    asked = {"owner": organisation_id, "since": today - RECENT}
    [[(total,)]] = yield [Raw(OF_RECENT, asked, (models.BigIntegerField(),), is_planned_once=True)]
    return int(total)


_ROWS = "unnest(%s::uuid[], %s::date[], %s::bigint[], %s::bigint[])"
ADD = f"""
INSERT INTO billing_uncountedday AS known (organisation_id, day, service_id, event_count)
SELECT * FROM {_ROWS}
ON CONFLICT (organisation_id, day, service_id)
    DO UPDATE SET event_count = known.event_count + excluded.event_count
"""  # noqa: S608 (constants only)
# What was never added, for it came before the table did, is not taken away.
TAKE = f"""
WITH less AS MATERIALIZED (
    SELECT * FROM {_ROWS} AS change (owner, day, service, fewer)
), gone AS (
    DELETE FROM billing_uncountedday AS known USING less
    WHERE organisation_id = owner AND known.day = less.day AND service_id = service
        AND event_count <= fewer
)
UPDATE billing_uncountedday AS known SET event_count = event_count - fewer
FROM less
WHERE organisation_id = owner AND known.day = less.day AND service_id = service
    AND event_count > fewer
"""  # noqa: S608 (constants only)
OF_RECENT = """
SELECT coalesce(sum(event_count), 0)::bigint FROM billing_uncountedday
WHERE day > %(since)s AND (%(owner)s::uuid IS NULL OR organisation_id = %(owner)s)
"""
BY_DAY = """
SELECT day, coalesce(service.slug, ''), coalesce(service.name, ''), sum(event_count)::bigint
FROM billing_uncountedday LEFT JOIN billing_service AS service ON service.id = service_id
WHERE day > %(since)s AND (%(owner)s::uuid IS NULL OR organisation_id = %(owner)s)
GROUP BY 1, 2, 3 ORDER BY 1 DESC, 4 DESC, 2 LIMIT 100
"""
BY_SERVICE = """
SELECT coalesce(service.slug, ''), sum(event_count)::bigint
FROM billing_uncountedday LEFT JOIN billing_service AS service ON service.id = service_id
WHERE day > %(since)s GROUP BY 1 ORDER BY 1
"""
