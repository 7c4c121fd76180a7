"""What all organisations of a ranking owe together: added up where their rows are."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from django.db import connection

from billing.exact import ZERO, exactly, plain
from billing.invoicing.charging.rate import RatedPeriod
from billing.rankings.models import Ranking

Rated = Mapping[UUID, RatedPeriod]
ByService = dict[str, dict[int, Decimal]]  # by currency and service


def add_up(ranking: Ranking) -> None:
    """Let a ranking say what its rows come to: of each currency, the largest first."""
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, [ranking.pk])
        rows = cursor.fetchall()
    ranking.organisations = sum(count for _, count, *_ in rows)
    ranking.unpriced = sum(count for currency, count, *_ in rows if not currency)
    names = ("cost", "compared", "before")
    ranking.costs = [
        {"currency": currency, **dict(zip(names, map(plain, sums), strict=True))}
        for currency, _, *sums in rows
        if currency
    ]


def by_service(ranking: Ranking) -> ByService:
    with connection.cursor() as cursor:
        cursor.execute(BY_SERVICE, [ranking.pk])
        found: ByService = {}
        for currency, service, amount in cursor:
            found.setdefault(currency, {})[service] = amount
        return found


def currency_of(bills: Sequence[RatedPeriod]) -> str:
    """Return that of the last bill: what is in others does not add up. Of none, it is empty."""
    return bills[-1].currency if bills else ""


def cost_of(bills: Sequence[RatedPeriod]) -> Decimal:
    currency = currency_of(bills)
    with exactly():
        return sum((bill.total for bill in bills if bill.currency == currency), ZERO)


def amounts_of(bills: Sequence[RatedPeriod]) -> dict[str, str]:
    """Return what each service comes to on bills, as JSON keeps it."""
    sums: ByService = {}
    for bill in bills:
        add_bill(sums, bill)
    amounts = sums.get(currency_of(bills), {})
    return {str(pk): plain(amount) for pk, amount in amounts.items()}


def add_by_service(sums: ByService, rated: Rated) -> None:
    for bill in rated.values():
        add_bill(sums, bill)


def add_bill(sums: ByService, bill: RatedPeriod) -> None:
    of_currency = sums.setdefault(bill.currency, {})
    with exactly():
        for line in bill.lines:
            amount = of_currency.get(line.service_id, ZERO)
            of_currency[line.service_id] = amount + line.amount


TOTALS = """
SELECT currency, count(*), sum(cost), sum(cost_compared), sum(cost_before)
FROM billing_rankedorganisation WHERE ranking_id = %s
GROUP BY currency ORDER BY sum(cost) DESC, currency
"""
BY_SERVICE = """
SELECT currency, service::bigint, sum(amount::numeric)
FROM billing_rankedorganisation CROSS JOIN jsonb_each_text(services) AS each (service, amount)
WHERE ranking_id = %s GROUP BY currency, service
"""
