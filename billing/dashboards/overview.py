"""The operators' overview: the whole platform, and who makes it up."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Page
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.dashboards import (
    live,
    overview_chart,
    overview_figures,
    overview_links,
    ranking,
    tables,
)
from billing.dashboards.chart_csv import Place, Taken, download, written
from billing.dashboards.overview_figures import Platform
from billing.dashboards.ranges import OFF, PRESETS, read_range
from billing.metering.folding import uncounted
from billing.metering.folding.freshness import freshness
from billing.periods import month_before, month_of
from billing.rankings import reading
from billing.rankings.reading import Leaders, Ranked
from catacloud.accounts.access import SignedInRequest, operators_only
from catacloud.accounts.organisations import searched, shortened
from catacloud.fragments import open_tables, template_for, varies

Context = dict[str, object]
PAGE = "billing/overview.html"


@operators_only
@require_safe
@varies
def overview(request: SignedInRequest) -> HttpResponse:
    if query := shortened(request.GET):
        return redirect(f"{request.path}{query}")
    now = timezone.now()
    platform = overview_figures.read(
        read_range(request.GET, today=now.date()),
        metric=request.GET.get("metric", ""),
        is_compared=request.GET.get("compare") != OFF,
        now=now,
    )
    if request.GET.get("format") == "csv":
        return _as_csv(platform)
    as_of = platform.ranking and platform.ranking.as_of
    tag = live.tag(request, now, as_of, platform.stamp)
    if live.is_known(request, tag):
        return live.unchanged(tag)
    template = template_for(request, PAGE, partials={"content", "organisations", "days-table"})
    context: Context = {
        "asked": platform.asked,
        "presets": PRESETS,
        "metric": platform.metric,
        "metrics": platform.metrics,
        "shape": overview_chart.read_shape(request.GET),
        "shapes": overview_chart.shapes(),
        "today": now.date(),
        "ranking": platform.ranking,
        "live": tag,
        "usage": overview_links.usage_link(request.GET, platform.asked),
        "opened": open_tables(request),
    }
    part = {f"{PAGE}#organisations": _organisations, f"{PAGE}#days-table": _days}
    context |= part.get(template, _content)(request, platform)
    return render(request, template, context)


def _content(request: SignedInRequest, platform: Platform) -> Context:
    leaders, table = _leaders(platform), _table(request, platform)
    platform.read_days([*leaders.largest, *table.rows])
    largest = [row.organisation_id for row in leaders.largest]
    return {
        "freshness": freshness(platform.now),
        "uncounted": uncounted.recent(None, today=platform.today),
        "invoiced_month": month_before(month_of(platform.today)).first,
        "headlines": platform.headlines(),
        "revenue": platform.revenue_headline(),
        "movers": ranking.movers(leaders.moved, platform.figure),
        **_chart_context(request, platform, leaders),
        **_table_context(platform, table, largest),
    }


def _organisations(request: SignedInRequest, platform: Platform) -> Context:
    table = _table(request, platform)
    platform.read_days(table.rows)
    return _table_context(platform, table, _largest(platform))


def _days(request: SignedInRequest, platform: Platform) -> Context:
    leaders = _leaders(platform)
    platform.read_days(leaders.largest)
    return _chart_context(request, platform, leaders)


def _as_csv(platform: Platform) -> HttpResponse:
    leaders = _leaders(platform)
    platform.read_days(leaders.largest)
    series, metric, days = platform.series(leaders.largest), platform.metric, platform.asked.days
    rows = tables.day_rows(series, platform.totals(), platform.asked)
    places = [Place(f"{row.day}", row.values, row.total, row.before) for row in rows]
    chart = Taken(metric.name, metric.unit, [one.name for one in series], places)
    name = f"overview-{metric.slug}-{days.first}-to-{days.last}"
    return download(written("day", [chart]), name=name)


def _leaders(platform: Platform) -> Leaders:
    if platform.ranking is None:
        return Leaders([], [])
    return reading.read_leaders(platform.ranking, platform.figure)


def _largest(platform: Platform) -> Sequence[UUID]:
    """Return whose curves have a colour of the chart; revenue has no curves."""
    if platform.ranking is None or platform.is_cost:
        return []
    return reading.largest(platform.ranking, platform.figure)


def _chart_context(request: SignedInRequest, platform: Platform, leaders: Leaders) -> Context:
    return overview_chart.context(
        series=platform.series(leaders.largest),
        totals=platform.totals(),
        asked=platform.asked,
        metric=platform.metric,
        shape=overview_chart.read_shape(request.GET),
        today=platform.today,
        links=overview_links.day_links(request.GET, platform.asked),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    sort: str
    search: str
    page: Page[int] | None  # none while nothing is ranked yet
    rows: Sequence[Ranked]


def _table(request: SignedInRequest, platform: Platform) -> _Table:
    sort = tables.read_sort(request.GET, is_compared=platform.asked.is_compared)
    search = searched(request.GET)
    if platform.ranking is None:
        return _Table(sort, search, None, [])
    column = tables.column_of(sort, platform.figure)
    number = request.GET.get("page")
    page, rows = reading.read_page(
        platform.ranking, platform.figure, sort=column, search=search, number=number
    )
    return _Table(sort, search, page, rows)


def _table_context(platform: Platform, table: _Table, largest: Sequence[UUID]) -> Context:
    hues = {organisation: hue for hue, organisation in enumerate(largest)}
    rows = [
        tables.make_row(
            row,
            platform.figure,
            platform.of_organisations,
            platform.asked,
            hue=hues.get(row.organisation_id, ranking.OTHERS_HUE),
        )
        for row in table.rows
    ]
    return {
        "columns": tables.columns(table.sort, is_compared=platform.asked.is_compared),
        "sort": table.sort,
        "q": table.search,
        "page": table.page,
        "rows": rows,
    }
