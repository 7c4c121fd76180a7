"""The operators' overview: the whole platform, and who makes it up."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Page
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.budgets.warning import last_told
from billing.dashboards import grains, unknown
from billing.dashboards.charts.csv_files import Place, Taken, download, written
from billing.dashboards.charts.titles import taken_away
from billing.dashboards.overview import chart, figures, links, movers, tables
from billing.dashboards.overview.chart import Chart
from billing.dashboards.overview.figures import Platform
from billing.dashboards.ranges import OFF, PRESETS, read_range
from billing.metering.folding import uncounted
from billing.metering.folding.freshness import freshness, is_behind
from billing.periods import iso, month_before, month_of
from billing.rankings import reading
from billing.rankings.reading import Leaders, Ranked
from catacloud import live
from catacloud.accounts.access import SignedInRequest, operators_only
from catacloud.accounts.organisations import LONGEST, searched
from catacloud.addresses import tidied
from catacloud.fragments import open_tables, opened_table, template_for, varies

Context = dict[str, object]
PAGE = "billing/overview.html"


@operators_only
@require_safe
@varies
@tidied(q=LONGEST)
def overview(request: SignedInRequest) -> HttpResponse:
    now = timezone.now()
    platform = figures.read(
        read_range(request.GET, today=now.date()).by(request.GET.get("grain", "")),
        metric=request.GET.get("metric", ""),
        by=request.GET.get("by", ""),
        is_compared=request.GET.get("compare") != OFF,
        now=now,
    )
    if request.GET.get("format") == "csv":
        return _as_csv(request, platform)
    as_of = platform.ranking and platform.ranking.as_of
    tag = live.tag(request, now, as_of, platform.stamps, platform.earned.stamp)
    if live.is_known(request, tag):
        # An event of this moment is in the table soon, and who waits for it asks before.
        is_coming = platform.is_coming or is_behind()
        return live.asking_soon(live.unchanged(tag), is_coming=is_coming)
    if opened := opened_table(request):
        return _table_of(request, platform, opened)
    template = template_for(request, PAGE, partials={"content", "organisations"})
    context: Context = {
        "asked": platform.asked,
        "refused": _refused(request, platform),
        "presets": PRESETS,
        "metric": platform.metric,
        "metrics": platform.metrics,
        "by": platform.by,
        "groupings": chart.groupings(platform.metric),
        "grains": grains.choices(),
        "shape": chart.read_shape(request.GET),
        "shapes": chart.shapes(),
        "today": now.date(),
        "ranking": platform.ranking,
        "live": tag,
        "usage": links.usage_link(request.GET, platform.asked),
        "opened": open_tables(request),
    }
    of = _organisations if template == f"{PAGE}#organisations" else _content
    page = render(request, template, context | of(request, platform))
    return live.asking_soon(page, is_coming=platform.is_coming)


def _refused(request: SignedInRequest, platform: Platform) -> list[str]:
    """Return what was asked for and cannot be shown."""
    known = {
        "metric": [metric.slug for metric in platform.metrics],
        "by": chart.groupings(platform.metric),
        "grain": grains.GRAINS,
        "shape": chart.shapes(),
        "sort": [f"{minus}{column}" for column in tables.SORTED_BY for minus in ("", "-")],
    }
    return unknown.messages(request.GET, known, first=platform.asked.message)


def _content(request: SignedInRequest, platform: Platform) -> Context:
    leaders, table = _leaders(platform), _table(request, platform)
    platform.read_days([*leaders.largest, *table.rows])
    return {
        "freshness": freshness(platform.now),
        "uncounted": uncounted.recent(None, today=platform.today),
        "invoiced_month": month_before(month_of(platform.today)).first,
        "headlines": platform.headlines(),
        "revenue": platform.revenue_headline(),
        "earned": platform.earned,
        "is_earned_known": not platform.earned.lacks(platform.asked.days),
        "movers": movers.movers(leaders.moved, platform.figure),
        "charts": _charts(request, platform, leaders),
        **_table_context(platform, table, [row.organisation_id for row in leaders.largest]),
    }


def _organisations(request: SignedInRequest, platform: Platform) -> Context:
    table = _table(request, platform)
    platform.read_days(table.rows)
    return _table_context(platform, table, _largest(platform))


def _table_of(request: SignedInRequest, platform: Platform, opened: str) -> HttpResponse:
    """Return what a chart shows as a table. Raises Http404 where there is no such chart."""
    for one in _charts_alone(request, platform):
        if one.id == opened:
            context = {"shown": one, "asked": platform.asked}
            return render(request, "includes/days_table.html", context)
    raise Http404("There is no such chart.")


def _as_csv(request: SignedInRequest, platform: Platform) -> HttpResponse:
    taken = [
        Taken(
            taken_away(one.metric, platform.asked.grain),
            one.metric.unit,
            [series.name for series in one.series],
            [Place(iso(row.place), row.values, row.total, row.before) for row in one.rows],
        )
        for one in _charts_alone(request, platform)
    ]
    days = platform.asked.days
    name = f"overview-{platform.metric.slug}-{days.first}-to-{days.last}"
    return download(written(platform.asked.grain, taken), name=name)


def _charts_alone(request: SignedInRequest, platform: Platform) -> list[Chart]:
    leaders = _leaders(platform)
    platform.read_days(leaders.largest)
    return _charts(request, platform, leaders)


def _leaders(platform: Platform) -> Leaders:
    if platform.ranking is None:
        return Leaders([], [])
    return reading.read_leaders(platform.ranking, platform.figure)


def _largest(platform: Platform) -> Sequence[UUID]:
    if platform.ranking is None:
        return []
    return reading.largest(platform.ranking, platform.figure)


def _charts(request: SignedInRequest, platform: Platform, leaders: Leaders) -> list[Chart]:
    return chart.charts(
        platform.stacks(leaders.largest),
        platform.asked,
        shape=chart.read_shape(request.GET),
        today=platform.today,
        links=links.place_links(request.GET, platform.asked),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    sort: str
    search: str
    page: Page[int] | None  # none while nothing is ranked yet
    rows: Sequence[Ranked]


def _table(request: SignedInRequest, platform: Platform) -> _Table:
    metric, is_compared = platform.metric.slug, platform.asked.is_compared
    sort = tables.read_sort(request.GET, metric, is_compared=is_compared)
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
    """Give curves the colour that they have in the chart; by service there is none."""
    is_coloured = platform.by == chart.ORGANISATION
    warned = last_told([row.organisation_id for row in table.rows if row.is_warned(platform.now)])
    hues = {one: hue for hue, one in enumerate(largest)} if is_coloured else {}
    rows = [
        tables.make_row(
            row,
            platform.figure,
            platform.of_organisations,
            platform.asked,
            fold=platform.metric.fold,
            warned=warned.get(row.organisation_id),
            hue=hues.get(row.organisation_id, movers.OTHERS_HUE),
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
