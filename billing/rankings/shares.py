"""What a day brought in by each organisation: of as many as a page shows, and for as many days.

What an organisation's month came to is kept for each day that is over, as it is marked. Until then
the ranking that marked it has it: so nothing is written again and again for today. Both are of the
same moment as their mark, so what is left of it by the largest is what all others brought in.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models

from billing.periods import ONE_DAY, Days
from billing.rankings.growth import Daily, growth, known
from billing.rankings.models import MonthSoFar, RevenueMark
from billing.rankings.reading import Rows
from billing.rankings.sums import Rated
from billing.together import Raw, Reading, read

# The name is in the index of a ranking's rows, before the organisation.
SO_FAR = """
SELECT organisation_id, day, currency, amount FROM billing_monthsofar
WHERE organisation_id = ANY(%(owners)s::uuid[]) AND day = ANY(%(kept)s::date[])
UNION ALL
SELECT organisation_id, marked.day, currency, cost
FROM unnest(%(rankings)s::bigint[], %(ranked)s::date[]) AS marked (ranking, day)
JOIN billing_rankedorganisation ON ranking_id = marked.ranking
WHERE name = ANY(%(names)s::text[]) AND organisation_id = ANY(%(owners)s::uuid[])
"""
COLUMNS = (models.UUIDField(), models.DateField(), models.CharField(), models.DecimalField())


def keep(day: date, rated: Rated) -> None:
    """Keep what some organisations' month came to at the end of a day, in place of what was."""
    MonthSoFar.objects.bulk_create(
        [
            MonthSoFar(organisation_id=owner, day=day, currency=bill.currency, amount=bill.total)
            for owner, bill in rated.items()
        ],
        update_conflicts=True,
        unique_fields=["organisation_id", "day"],
        update_fields=["currency", "amount"],
    )


def read_days(rows: Rows, marks: Sequence[RevenueMark], days: Days) -> dict[UUID, Daily]:
    """Return what each of a ranking's rows brought in on days, in its currency, in one query.

    Days of which that is not known are not there.
    """
    near = [one for one in marks if days.first - ONE_DAY <= one.day < days.end]
    ranked = {one.day: one.ranking_id for one in near if one.ranking_id}
    kept = [one.day for one in near if one.is_by_organisation]
    asked = {
        "owners": [row.organisation_id for row in rows],
        "names": [row.folded for row in rows],
        "kept": kept,
        "rankings": list(ranked.values()),
        "ranked": list(ranked),
    }
    currencies = {row.organisation_id: row.currency for row in rows}
    so_far: dict[UUID, Daily] = {owner: {} for owner in currencies}
    for owner, day, currency, amount in read(_reading(asked)):
        if currency == currencies[owner]:
            so_far[owner][day] = amount
    days_known = known(days, {*kept, *ranked})
    return {owner: growth(its, days_known) for owner, its in so_far.items()}


def _reading(asked: Mapping[str, Any]) -> Reading[list[tuple[UUID, date, str, Decimal]]]:
    [found] = yield [Raw(SO_FAR, asked, COLUMNS, is_planned_once=True)]
    return found
