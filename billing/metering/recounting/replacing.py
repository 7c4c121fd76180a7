"""Make live rows what they are in tables that were built beside them, and accounts with them."""

from collections import defaultdict
from itertools import chain, groupby
from operator import itemgetter
from uuid import UUID

from django.db import connection, models

from billing.metering.folding import zoning
from billing.metering.folding.fold import ByMonth, Cell, Sums, by_month
from billing.metering.models import Service
from billing.metering.recounting import comparing
from billing.metering.usage_tables import GROUPS_KEY_SQL
from billing.periods import Days, month_of


def rows(model: type[models.Model], *, schema: str, service: Service | None) -> int:
    """Make a table's rows what they are in a schema; return how many had to be changed.

    That is to delete, to add or to change them. Rows that are right stay as they are. With those of
    a service go those of none: of events that are not counted.
    """
    key, rest = _columns(model)
    of_one = service is not None and "service_id" in key + rest
    values = {
        "live": model._meta.db_table,
        "new": f"{schema}.{model._meta.db_table}",
        "columns": ", ".join(key + rest),
        "key": ", ".join(GROUPS_KEY_SQL if name == "groups" else name for name in key),
        "same": " AND ".join(f"new.{name} = live.{name}" for name in key),
        "first": key[0],
        "only": "service_id IN (%(service)s, 0)" if of_one else "true",
        "differ": " OR ".join(f"new.{name} IS DISTINCT FROM live.{name}" for name in rest)
        or "false",
        "update": f"UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in rest)}"
        if rest
        else "NOTHING",
    }
    changed = 0
    with connection.cursor() as cursor:
        for statement in (DELETE, UPSERT):
            cursor.execute(statement.format(**values), {"service": service.pk if service else None})
            changed += cursor.rowcount
    return changed


def _columns(model: type[models.Model]) -> tuple[list[str], list[str]]:
    """Return the columns that say which row it is, and all others but a number of its own."""
    if isinstance(model._meta.pk, models.CompositePrimaryKey):
        names = set(model._meta.pk.field_names)
    else:
        unique = (models.UniqueConstraint,)
        [names] = [_names(one) for one in model._meta.constraints if isinstance(one, unique)]
    fields = [one for one in model._meta.concrete_fields if one.attname != "id"]
    key = [one.attname for one in fields if {one.name, one.attname} & names]
    return key, [one.attname for one in fields if one.attname not in key]


def _names(constraint: models.UniqueConstraint) -> set[str]:
    """Return which fields have to be unique together, also where it is by a digest of one."""
    parts = chain.from_iterable(
        one.flatten() if isinstance(one, models.Expression) else [one]
        for one in constraint.expressions
    )
    named = (one.name for one in parts if isinstance(one, models.F))  # type: ignore[attr-defined]
    return {*constraint.fields, *named}


def level_months(service: Service | None) -> int:
    """Make levels by month what the live days add up to; return how many had to be changed.

    To be done when the days are right, which move them along: so they may be wrong by themselves.
    """
    with connection.cursor() as cursor:
        cursor.execute(LEVEL_MONTHS, {"service": service.pk if service else None})
        return int(cursor.rowcount)


def account_months(*, schema: str, service: Service | None) -> ByMonth:
    """Return by how much the months of accounts differ from what a schema's days make of them."""
    values = {"service": service.pk if service else None}
    levels = frozenset(one.slug for one in Service.objects.all() if one.is_level)
    differences: defaultdict[tuple[UUID, Days, str], Sums] = defaultdict(Sums)
    with connection.cursor() as cursor:
        cursor.execute(comparing.METERED.replace("{only}", ""), values)
        for owner, _, slug, month, *sums in cursor:
            differences[owner, month_of(month), slug] += -Sums(*sums)
    with connection.chunked_cursor() as cursor:
        cursor.execute(DAYS.format(schema=schema), values)
        for owner, rows in groupby(cursor, key=itemgetter(0)):
            days = {Cell(owner, slug, day): Sums(*sums) for _, slug, day, *sums in rows}
            zones = zoning.of([owner])
            for month, services in by_month(days, levels, zones)[owner].items():
                for slug, made in services.items():
                    differences[owner, month, slug] += made
    months: ByMonth = {}
    for (owner, month, slug), lacking in differences.items():
        if lacking.quantity or lacking.area:
            months.setdefault(owner, {}).setdefault(month, {})[slug] = lacking
    return months


DELETE = """
DELETE FROM {live} AS live
WHERE {only} AND NOT EXISTS (SELECT FROM {new} AS new WHERE {same})
"""
UPSERT = """
INSERT INTO {live} ({columns})
SELECT new.* FROM (SELECT {columns} FROM {new} WHERE {only}) AS new
LEFT JOIN {live} AS live ON {same}
WHERE live.{first} IS NULL OR {differ}
ON CONFLICT ({key}) DO {update}
"""
# A month of no change is as good as none.
LEVEL_MONTHS = """
INSERT INTO billing_levelmonth (organisation_id, service_id, month, quantity)
SELECT organisation_id, service_id, month, coalesce(made.quantity, 0)
FROM (
    SELECT organisation_id, service_id, date_trunc('month', day)::date AS month,
        sum(quantity) AS quantity
    FROM billing_dailyusage JOIN billing_service AS service ON service.id = service_id
    WHERE aggregation IN ('level', 'peak')
        AND (%(service)s::bigint IS NULL OR service_id = %(service)s)
    GROUP BY 1, 2, 3
) AS made
FULL JOIN (
    SELECT * FROM billing_levelmonth WHERE %(service)s::bigint IS NULL OR service_id = %(service)s
) AS held USING (organisation_id, service_id, month)
WHERE coalesce(made.quantity, 0) <> coalesce(held.quantity, 0)
ON CONFLICT (organisation_id, service_id, month) DO UPDATE SET quantity = excluded.quantity
"""
DAYS = """
SELECT organisation_id, service.slug, day, quantity, area
FROM {schema}.billing_dailyusage JOIN billing_service AS service ON service.id = service_id
WHERE service.aggregation IN ('sum', 'count', 'level')
    AND (%(service)s::bigint IS NULL OR service_id = %(service)s)
ORDER BY organisation_id
"""
