"""Two years of daily usage, made where it is stored: SQL alone makes millions of rows a minute.

Nothing of the saga has run, so there are neither events nor hours behind the days. Rows lie by day,
as they come about: those of one organisation are far from each other.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from billing.invoicing.closing.close import close_period
from billing.metering import level_months
from billing.metering.models import Service
from billing.periods import month_before, month_of
from catacloud.accounts.models import Organisation
from tests.factories import make_plan, make_service

ORGANISATIONS, DAYS, SERVICES = 10_000, 730, 5
INVOICES = 12
GB = 10**9
AT_ONCE = 2  # services: as many as there are cores


def fill(*, scale: float, now: datetime) -> None:
    """Fill the tables of an empty platform, which has its seller."""
    for number in range(SERVICES - Service.objects.count()):
        make_service(slug=f"counter-{number}")
    services = list(Service.objects.order_by("pk")[:SERVICES])
    prices = {service: [(None, "0.000123")] for service in services}
    plan = make_plan(prices=prices)
    count = max(20, int(ORGANISATIONS * scale))
    today = now.astimezone(UTC).date()
    given = {"today": today, "days": DAYS, "gb": GB}
    with connection.cursor() as cursor:
        cursor.execute(NAMED, {"count": count, "now": now})
        cursor.execute(SUBSCRIBED, {"version": plan.pk})
    with _without_indexes("billing_dailyusage"), ThreadPoolExecutor(AT_ONCE) as pool:
        each = [given | {"service": one.pk, "is_level": one.is_level} for one in services]
        list(pool.map(_fill, each))
    with connection.cursor() as cursor:
        cursor.execute(TOTALS)
        cursor.execute(level_months.FILL)
        cursor.execute("ANALYZE")
    _invoice(in_the_middle(), now)


def rows() -> int:
    """Return how many daily rows there are."""
    return Organisation.objects.filter(slug__startswith="seeded-").count() * DAYS * SERVICES


def in_the_middle() -> Organisation:
    found = Organisation.objects.filter(slug__startswith="seeded-").order_by("name")
    return found[found.count() // 2]


def _fill(given: dict[str, Any]) -> None:
    """Make the days of a service, by a connection of this thread."""
    try:
        with connection.cursor() as cursor:
            # As a copy of another server's rows: no trigger notes them one by one.
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(OF_LEVEL if given["is_level"] else OF_COUNTER, given)
    finally:
        connection.close()


@contextmanager
def _without_indexes(table: str) -> Iterator[None]:
    """Make a table's indexes and constraints once it is full, in a fraction of the time.

    Nor is it in the log, which is as large as the table: a crash would empty it, and nothing else
    is read in another way.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} SET UNLOGGED")
        cursor.execute(CONSTRAINTS, [table])
        constraints = cursor.fetchall()
        for name, _ in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(INDEXES, [table])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for _, definition in indexes:
            cursor.execute(definition)
        for name, definition in constraints:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        cursor.execute("RESET maintenance_work_mem")


def _invoice(organisation: Organisation, now: datetime) -> None:
    """Close the last periods of one, for its pages to show."""
    months = [month_before(month_of(now.date()))]
    while len(months) < INVOICES:
        months.append(month_before(months[-1]))
    for month in reversed(months):
        close_period(organisation=organisation, days=month, now=now)


NAMED = """
INSERT INTO accounts_organisation (id, slug, name, created_at, time_zone)
SELECT gen_random_uuid(), 'seeded-' || n, 'Seeded ' || md5(n::text), %(now)s, 'UTC'
FROM generate_series(1, %(count)s) AS n
"""
SUBSCRIBED = """
INSERT INTO billing_subscription (organisation_id, plan_version_id, starts_on, is_prorated)
SELECT id, %(version)s, '2020-01-01', false FROM accounts_organisation
"""
CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'f') ORDER BY contype DESC
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s"
_DAYS = """
INSERT INTO billing_dailyusage
    (organisation_id, service_id, day, quantity, area, event_count)
SELECT id, %(service)s, day::date, {quantity}, {area}, 24
FROM generate_series(
    %(today)s::date - (%(days)s - 1), %(today)s::date, interval '1 day'
) WITH ORDINALITY AS days (day, number)
CROSS JOIN LATERAL (
    SELECT id, row_number() OVER () AS n FROM accounts_organisation
    WHERE slug LIKE 'seeded-%%' AND days.number > 0
) AS owner
"""
_USED = "((n * 7919 + number * 104729) %% 36000)::numeric"
OF_COUNTER = _DAYS.format(quantity=_USED, area="0")
# More comes than goes; and what changes does so at noon.
_CHANGE = f"(({_USED} - 12000) * %(gb)s / 1000)"
OF_LEVEL = _DAYS.format(quantity=_CHANGE, area=f"{_CHANGE} * 43200000000")
TOTALS = """
INSERT INTO billing_platformusage (partition, service_id, day, quantity, area, event_count)
SELECT abs(hashtext(organisation_id::text)) %% 8, service_id, day,
    sum(quantity), sum(area), sum(event_count)
FROM billing_dailyusage GROUP BY 1, 2, 3
""".replace("%%", "%")
