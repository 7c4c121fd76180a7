"""The operators' overview: the whole platform, and who makes it up."""

from datetime import datetime

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from billing.dashboards import ranking, tables
from billing.dashboards.charts import Series, daily_bars, summarise
from billing.dashboards.costs import cost_change, total_costs
from billing.dashboards.headlines import headlines
from billing.dashboards.metrics import METRICS, Metric, read_metric
from billing.dashboards.queries import (
    OverviewFigures,
    days_by_organisation,
    overview_figures,
    plan_names,
)
from billing.dashboards.ranges import PRESETS, Range, read_range
from billing.dashboards.tables import PER_PAGE
from billing.metering.freshness import freshness
from billing.metering.uncounted import uncounted
from catacloud.accounts.access import SignedInRequest, operators_only
from catacloud.fragments import template_for

Context = dict[str, object]


@operators_only
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def overview(request: SignedInRequest) -> HttpResponse:
    now = timezone.now()
    asked, metric = read_range(request.GET, today=now.date()), read_metric(request.GET)
    figures = overview_figures(asked=asked, now=now)
    page = template_for(request, "billing/overview.html", partials={"content", "organisations"})
    context: Context = {
        "asked": asked,
        "presets": PRESETS,
        "metric": metric,
        "metrics": METRICS.values(),
        "today": now.date(),
        "freshness": freshness(now),
        "uncounted": uncounted(None),
        **_headline_context(figures, asked, now),
        **_detail_context(request, figures, asked, metric, now),
    }
    return render(request, page, context)


def _headline_context(figures: OverviewFigures, asked: Range, now: datetime) -> Context:
    costs = total_costs(figures.cost.values())
    return {
        "headlines": headlines(figures.daily, asked, today=now.date()),
        "costs": costs,
        "cost_change": cost_change(figures.cost_compared, figures.cost_before),
        "unpriced": len(figures.organisations) - len(figures.cost),
    }


def _detail_context(
    request: SignedInRequest, figures: OverviewFigures, asked: Range, metric: Metric, now: datetime
) -> Context:
    sort, search = tables.read_sort(request.GET), request.GET.get("q", "").strip()
    rows = tables.make_rows(figures, metric)
    found = tables.sort_rows(tables.search_rows(rows, search), sort)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    top = ranking.largest(rows, metric)
    daily = days_by_organisation(
        metric=metric,
        services=figures.services,
        organisations={row.id for row in [*top, *shown]},
        days=asked.days,
        now=now,
    )
    plans = plan_names(organisations=[row.id for row in shown], on=asked.days.last)
    totals = figures.daily[metric.slug]
    return {
        "rows": tables.dress_rows(shown, top=top, daily=daily, plans=plans, asked=asked),
        "page": page,
        "columns": tables.columns(sort),
        "sort": sort,
        "q": search,
        "movers": ranking.movers(rows),
        **_chart_context(
            ranking.stack(top, daily, totals, asked.days), asked, metric, figures, now
        ),
    }


def _chart_context(
    series: list[Series], asked: Range, metric: Metric, figures: OverviewFigures, now: datetime
) -> Context:
    totals = figures.daily[metric.slug]
    return {
        "series": series,
        "summary": summarise(totals, asked.whole or asked.days),
        "figure": daily_bars(
            asked=asked,
            series=series,
            before={day: totals[day] for day in asked.before if day in totals},
            unit=metric.unit,
            today=now.date(),
        ),
        "day_rows": tables.day_rows(series, totals, asked),
    }
