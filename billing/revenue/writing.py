"""Write what days brought in, and add what that changes to what all organisations did together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from billing.exact import ZERO, exactly, plain
from billing.periods import ONE_DAY
from billing.revenue.models import PeriodRevenue
from billing.revenue.working_out import Worked

Changes = dict[tuple[date, str, int], Decimal]  # by day, currency and service
KEY = ("organisation_id", "first")
FIELDS = ("end", "currency", "amounts", "services", "agreed", "is_over")


def replace(worked: Sequence[Worked], *, agreed: Mapping[UUID, int]) -> None:
    """Write periods in place of those that have some of their days, in the transaction around."""
    rows = [
        PeriodRevenue(
            organisation_id=one.organisation_id,
            first=one.period.first,
            end=one.period.end,
            currency=one.currency,
            amounts=one.total,
            services={str(pk): [plain(each) for each in own] for pk, own in one.services.items()},
            agreed=agreed[one.organisation_id],
            is_over=one.is_over,
        )
        for one in worked
    ]
    before = _before(worked)
    kept = {row.pk for row in rows}
    for row in before:
        if row.pk not in kept:  # other periods were agreed on
            row.delete()
    PeriodRevenue.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["organisation_id", "first"],
        update_fields=FIELDS,
    )
    _add(_changes(before, rows))


def _before(worked: Iterable[Worked]) -> list[PeriodRevenue]:
    """Return what there is of the days of these, from the first of each organisation's on."""
    spans: dict[UUID, tuple[date, date]] = {}
    for one in worked:
        first, end = spans.get(one.organisation_id, (one.period.first, one.period.end))
        spans[one.organisation_id] = min(first, one.period.first), max(end, one.period.end)
    owners: defaultdict[tuple[date, date], list[UUID]] = defaultdict(list)
    for owner, span in spans.items():
        owners[span].append(owner)
    return [
        row
        for (first, end), some in owners.items()
        for row in PeriodRevenue.objects.filter(organisation__in=some, first__lt=end, end__gt=first)
    ]


def _changes(before: Iterable[PeriodRevenue], after: Iterable[PeriodRevenue]) -> Changes:
    sums: Changes = {}
    with exactly():
        for sign, rows in ((-1, before), (1, after)):
            for row in rows:
                for service, amounts in row.services.items():
                    for number, amount in enumerate(amounts):
                        if amount != "0":
                            key = row.first + ONE_DAY * number, row.currency, int(service)
                            sums[key] = sums.get(key, ZERO) + sign * Decimal(amount)
    return {key: amount for key, amount in sorted(sums.items()) if amount}


def _add(changes: Changes) -> None:
    if not changes:
        return
    asked: dict[str, Any] = {
        "days": [day for day, _, _ in changes],
        "currencies": [currency for _, currency, _ in changes],
        "services": [service for _, _, service in changes],
        "amounts": list(changes.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(ADD, asked)


ADD = """
INSERT INTO billing_dayrevenue AS known (day, currency, service_id, amount)
SELECT * FROM unnest(
    %(days)s::date[], %(currencies)s::text[], %(services)s::bigint[], %(amounts)s::numeric[]
)
ON CONFLICT (day, currency, service_id) DO UPDATE SET amount = known.amount + excluded.amount
"""
