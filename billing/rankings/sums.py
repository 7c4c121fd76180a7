"""What all organisations of a ranking owe together: added up where their rows are."""

from collections.abc import Sequence
from decimal import Decimal

from django.db import connection

from billing.exact import ZERO, exactly, plain
from billing.invoicing.charging.rate import RatedPeriod
from billing.rankings.models import Ranking


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


def currency_of(bills: Sequence[RatedPeriod]) -> str:
    """Return that of the last bill: what is in others does not add up. Of none, it is empty."""
    return bills[-1].currency if bills else ""


def cost_of(bills: Sequence[RatedPeriod]) -> Decimal:
    currency = currency_of(bills)
    with exactly():
        return sum((bill.total for bill in bills if bill.currency == currency), ZERO)


TOTALS = """
SELECT currency, count(*), sum(cost), sum(cost_compared), sum(cost_before)
FROM billing_rankedorganisation WHERE ranking_id = %s
GROUP BY currency ORDER BY sum(cost) DESC, currency
"""
