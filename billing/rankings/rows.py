"""The rows of some organisations in a ranking: what each used and owes, read and rated."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from billing.dashboards.metrics import METRICS, STORED
from billing.exact import ZERO
from billing.invoicing.charging.by_period import Asked, Bills, reading_bills_of_days
from billing.metering.models import Service
from billing.rankings.models import RankedOrganisation, Ranking
from billing.rankings.spans import Span
from billing.rankings.sums import cost_of, currency_of
from billing.rankings.used import (
    FiguresByMonth,
    OfAll,
    Used,
    plan_names,
    used_by_organisation,
)
from billing.together import read
from catacloud.accounts.models import Organisation

AT_A_TIME = 200  # organisations, so that memory stays flat
NOTHING = Used()


def rows_of(
    organisations: Sequence[Organisation],
    *,
    ranking: Ranking,
    services: Mapping[str, Service],
    span: Span,
    now: datetime,
    read_before: OfAll = MappingProxyType({}),
) -> list[RankedOrganisation]:
    """Return a row for each of some organisations as of ``now``, of what is not kept yet.

    ``services`` are those behind the metrics, by slug. What was ``read_before`` of all
    organisations is not read again.
    """
    owners = [one.pk for one in organisations]
    plans = plan_names(organisations=owners, on=span.days.last)
    storage = services[STORED.service].pk if STORED.service in services else 0
    spans = {"": span.days, "_compared": span.compared, "_before": span.compared_with}
    figures = FiguresByMonth(owners, span, now, read_before)
    used: dict[str, Mapping[UUID, Used]] = {}
    asked: dict[str, Asked] = {}
    for of, days in spans.items():
        if days is not None:
            used[of] = used_by_organisation(figures.of(days), services)
            # Those that are compared are so as their bills stood at their ends.
            asked[of] = Asked(days, figures.known_of, as_it_stood=bool(of))
    bills = read(reading_bills_of_days(list(asked.values()), now=now, organisations=owners))
    rated = dict(zip(asked, bills, strict=True))
    return [
        RankedOrganisation(
            ranking=ranking,
            organisation=one,
            name=one.name.casefold(),
            plan=plans.get(one.pk, ""),
            currency=currency_of(rated[""].get(one.pk, ())),
            opening=figures.levels[span.first].get((one.pk, storage), ZERO),
            **_figures(one.pk, used, rated),
        )
        for one in organisations
    ]


def _figures(
    owner: UUID,
    used: Mapping[str, Mapping[UUID, Used]],
    rated: Mapping[str, Bills],
) -> dict[str, Decimal]:
    figures: dict[str, Any] = {}
    for of, by_owner in used.items():
        for metric in METRICS.values():
            name = f"{metric.slug.replace('-', '_')}{of}"
            figures[name] = by_owner.get(owner, NOTHING).of(metric)
    currency = currency_of(rated[""].get(owner, ()))
    for of, by_bills in rated.items():
        bills = by_bills.get(owner, ())
        figures[f"cost{of}"] = cost_of(bills) if currency_of(bills) == currency else ZERO
    return figures
