"""Rank all organisations over a span of days: some at a time, so that memory stays flat.

Rows are committed as they come, for a transaction that stays open would hold up the feed. Nobody
reads a ranking before it is whole.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Q, Sum

from billing.dashboards.metrics import METRICS, STORED
from billing.exact import ZERO
from billing.invoicing.charging.by_period import reading_cost_of_days
from billing.invoicing.charging.rate import RatedPeriod
from billing.metering.models import Service
from billing.metering.querying.usage import Levels, levels_before, period_figures
from billing.metering.usage_tables import PlatformUsage
from billing.periods import ONE_DAY, Days, day_of, month_of
from billing.rankings import invoiced, revenue
from billing.rankings.models import RankedOrganisation, Ranking
from billing.rankings.spans import Span
from billing.rankings.sums import Sums
from billing.rankings.used import Used, metered_services, plan_names, used_by_organisation
from billing.together import read
from catacloud.accounts.models import Organisation

AT_A_TIME = 200  # organisations
KEPT = 2  # rankings of a span: who reads the one before may go on
FORGOTTEN_AFTER = timedelta(days=2)  # of days that nobody asks for any more
NOTHING = Used()


def make(span: Span, *, now: datetime) -> Ranking:
    """Rank all organisations as of ``now``, in place of what was made before."""
    started = time.monotonic()
    services, sums = metered_services(), Sums()
    ranking = Ranking.objects.create(
        first=span.first,
        end=span.end,
        before=span.before,
        compared_days=span.compared_days,
        as_of=now,
        opening=_platform_opening(services, span),
    )
    for organisations in _some():
        rows = _rows(ranking, organisations, services, span, now, sums)
        RankedOrganisation.objects.bulk_create(rows)
    final, due = invoiced.month_before(now)
    ranking.organisations, ranking.unpriced = sums.organisations, sums.unpriced
    ranking.costs = sums.costs()
    ranking.invoices_final, ranking.invoices_all = final, final + due
    ranking.took = timedelta(seconds=time.monotonic() - started)
    ranking.save()
    if span.end == day_of(now) + ONE_DAY and span.first == month_of(day_of(now)).first:
        revenue.mark(span.days.last, sums.by_service, now=now, ranking=ranking)
    _forget(span, now)
    return ranking


def _some() -> Iterator[list[Organisation]]:
    found = Organisation.objects.order_by("pk").iterator(chunk_size=2000)
    while some := list(islice(found, AT_A_TIME)):
        yield some


def _rows(
    ranking: Ranking,
    organisations: Sequence[Organisation],
    services: Mapping[str, Service],
    span: Span,
    now: datetime,
    sums: Sums,
) -> list[RankedOrganisation]:
    owners = [one.pk for one in organisations]
    plans = plan_names(organisations=owners, on=span.days.last)
    storage = services[STORED.service].pk if STORED.service in services else 0
    earlier, later = levels_before(earlier=span.before, later=span.first, organisations=owners)
    spans = [  # those that are compared as their bills stood at their ends
        ("", span.days, later),
        ("_compared", span.compared, later),
        ("_before", span.compared_with, earlier),
    ]
    used: dict[str, Mapping[UUID, Used]] = {}
    rated: dict[str, Mapping[UUID, RatedPeriod]] = {}
    for of, days, levels in spans:
        used[of], rated[of] = _used_and_rated(owners, days, levels, services, now, stood=bool(of))
    sums.add(len(owners), now=rated[""], compared=rated["_compared"], before=rated["_before"])
    return [
        RankedOrganisation(
            ranking=ranking,
            organisation=one,
            name=one.name.casefold(),
            plan=plans.get(one.pk, ""),
            currency=rated[""][one.pk].currency if one.pk in rated[""] else "",
            opening=later.get((one.pk, storage), ZERO),
            **_figures(one.pk, used, rated),
        )
        for one in organisations
    ]


def _used_and_rated(
    owners: Sequence[UUID],
    days: Days | None,
    levels: Levels,
    services: Mapping[str, Service],
    now: datetime,
    *,
    stood: bool,
) -> tuple[Mapping[UUID, Used], Mapping[UUID, RatedPeriod]]:
    """Read usage once, for what is shown and for what it costs."""
    if days is None:
        return {}, {}
    figures = period_figures(days=days, now=now, organisations=owners, levels=levels)
    rated = read(
        reading_cost_of_days(
            days=days, now=now, organisations=owners, figures=figures, as_it_stood=stood
        )
    )
    return used_by_organisation(figures, services), rated


def _figures(
    owner: UUID,
    used: Mapping[str, Mapping[UUID, Used]],
    rated: Mapping[str, Mapping[UUID, RatedPeriod]],
) -> dict[str, Decimal]:
    figures: dict[str, Any] = {}
    for of, by_owner in used.items():
        for metric in METRICS.values():
            name = f"{metric.slug.replace('-', '_')}{of}"
            figures[name] = by_owner.get(owner, NOTHING).of(metric)
    currency = rated[""][owner].currency if owner in rated[""] else None
    for of, by_bill in rated.items():
        bill = by_bill.get(owner)
        figures[f"cost{of}"] = bill.total if bill and bill.currency == currency else ZERO
    return figures


def _platform_opening(services: Mapping[str, Service], span: Span) -> Decimal:
    before = Q(service=services.get(STORED.service), day__lt=span.before)
    found = PlatformUsage.objects.filter(before).aggregate(level=Sum("quantity"))
    return found["level"] or ZERO


def _forget(span: Span, now: datetime) -> None:
    """Delete what nobody reads any more: rows first, for there are many."""
    of_span = Ranking.objects.filter(
        first=span.first, end=span.end, before=span.before, compared_days=span.compared_days
    )
    kept = list(of_span.order_by("-pk").values_list("pk", flat=True)[:KEPT])
    old = of_span.exclude(pk__in=kept) | Ranking.objects.filter(as_of__lt=now - FORGOTTEN_AFTER)
    gone = list(old.values_list("pk", flat=True))
    RankedOrganisation.objects.filter(ranking__in=gone).delete()
    Ranking.objects.filter(pk__in=gone).delete()
