"""Two years of daily usage, made where it is stored: SQL alone makes millions of rows a minute.

Nothing of the saga has run, so there are neither events nor hours behind the days.
"""

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from billing.metering.models import Service
from catacloud.accounts.models import Organisation
from tests.factories import make_plan, make_service

ORGANISATIONS, DAYS, SERVICES = 10_000, 730, 5
GB = 10**9


def fill(*, scale: float, now: datetime) -> int:
    """Fill the tables; return how many daily rows there are."""
    for number in range(SERVICES - Service.objects.count()):
        make_service(slug=f"counter-{number}")
    services = list(Service.objects.order_by("pk")[:SERVICES])
    prices = {service: [(None, "0.000123")] for service in services}
    plan = make_plan(prices=prices)
    count = max(20, int(ORGANISATIONS * scale))
    today = now.astimezone(UTC).date()
    with connection.cursor() as cursor:
        # As a copy of another server's rows: no trigger notes them one by one.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(NAMED, {"count": count, "now": now})
        cursor.execute(SUBSCRIBED, {"version": plan.pk})
        for service in services:
            given: dict[str, Any] = {"service": service.pk, "today": today, "days": DAYS, "gb": GB}
            cursor.execute(OF_LEVEL if service.is_level else OF_COUNTER, given)
        cursor.execute(TOTALS)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("ANALYZE")
    return Organisation.objects.filter(slug__startswith="seeded-").count() * DAYS * len(services)


NAMED = """
INSERT INTO accounts_organisation (id, slug, name, created_at, time_zone)
SELECT gen_random_uuid(), 'seeded-' || n, 'Seeded ' || md5(n::text), %(now)s, 'UTC'
FROM generate_series(1, %(count)s) AS n
"""
SUBSCRIBED = """
INSERT INTO billing_subscription (organisation_id, plan_version_id, starts_on, is_prorated)
SELECT id, %(version)s, '2020-01-01', false FROM accounts_organisation
"""
_DAYS = """
INSERT INTO billing_dailyusage
    (organisation_id, service_id, day, quantity, area, event_count)
SELECT id, %(service)s, day::date, {quantity}, {area}, 24
FROM (
    SELECT id, row_number() OVER () AS n FROM accounts_organisation WHERE slug LIKE 'seeded-%%'
) AS owner
CROSS JOIN generate_series(
    %(today)s::date - (%(days)s - 1), %(today)s::date, interval '1 day'
) WITH ORDINALITY AS days (day, number)
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
