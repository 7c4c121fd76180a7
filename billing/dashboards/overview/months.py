"""What organisations used in whole months, from months as they are kept: of a year of days, twelve
rows each.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from billing.metering.models import Service
from billing.metering.querying.months import on_top_of, read_months
from billing.metering.querying.usage import Known, PeriodFigure
from billing.periods import Days, month_of


def months_of(
    organisations: Sequence[UUID],
    service: Service,
    known: Known,
    places: Sequence[Days],
    *,
    now: datetime,
) -> Mapping[UUID, Mapping[date, PeriodFigure]] | None:
    """Return what they used of a service in each place, by its first day, in one query.

    ``known`` has the levels before the first. None where a place is no whole month, or one that is
    not over for one of them.
    """
    if any(place != month_of(place.first) for place in places):
        return None
    kept = read_months(organisations, places, now=now)
    if any(len(of_month) < len(organisations) for of_month in kept.values()):
        return None
    levels = {(owner, service.pk): level for owner, level in known.openings.items()}
    found: dict[UUID, dict[date, PeriodFigure]] = {owner: {} for owner in organisations}
    aggregations = {service.pk: service.aggregation}
    for place in places:
        used = {
            owner: {pk: figure for pk, figure in its.items() if pk == service.pk}
            for owner, its in kept[place].items()
        }
        rows = list(
            on_top_of(levels, place, used, services=aggregations, zones=known.zones, now=now)
        )
        for row in rows:
            found[row.organisation_id][place.first] = row
        levels = {(row.organisation_id, service.pk): row.level for row in rows}
    return found
