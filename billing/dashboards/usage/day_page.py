"""One day of an organisation's usage, hour by hour: where a day's chart leads to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from billing.dashboards import stamps
from billing.dashboards.charts.csv_files import Place, Taken, download, written
from billing.dashboards.charts.drawing import Figure
from billing.dashboards.charts.marks import with_links
from billing.dashboards.metrics import STORED, Metric
from billing.dashboards.ranges import EARLIEST
from billing.dashboards.usage.bill_so_far import reading_agreed
from billing.dashboards.usage.hours import UsageHours, hours_of, read_hours
from billing.dashboards.usage.hours_chart import HourSeries, hour_figure, hour_series
from billing.dashboards.usage.page import (
    ALWAYS,
    SORTS,
    metrics_of,
    of_ranges,
    own_organisations,
)
from billing.dashboards.usage.state import Choices, State, read_state
from billing.dashboards.usage.used_services import UsedServices, reading_services
from billing.metering.models import Service
from billing.periods import ONE_DAY, Days, day_of, month_of
from billing.together import read, together
from catacloud import live
from catacloud.accounts.access import SignedInRequest, signed_in
from catacloud.accounts.models import Organisation
from catacloud.fragments import template_for

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class HourRow:
    """An hour of the table, named by the organisation's clock, and where its events are."""

    name: str
    link: str
    values: Sequence[Decimal]
    total: Decimal


@dataclass(frozen=True, slots=True)
class HourPanel:
    metric: Metric
    series: Sequence[HourSeries]
    figure: Figure
    rows: Sequence[HourRow]
    total: Decimal | None  # of what adds up
    peak: HourRow | None


@signed_in
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def usage_day(request: SignedInRequest, slug: str, day: str) -> HttpResponse:
    organisations, organisation = own_organisations(request, slug)
    now = timezone.now()
    today = day_of(now, organisation.zone)
    shown = _day(day, today)
    stamp = stamps.stamp_of(organisation, Days(shown, shown + ONE_DAY))
    tag = live.tag_of(request, organisation, stamp, now)
    if live.is_known(request, tag):
        return live.unchanged(tag)
    agreed, used = read(
        together(reading_agreed(organisation.pk), reading_services(organisation, always=ALWAYS))
    )
    metrics = [metric for metric, _ in metrics_of(used)]
    choices = Choices(("", *(one.slug for one in metrics)), ("", *used.groupings), SORTS)
    state = read_state(request.GET, choices=choices, **of_ranges(organisation, agreed, now))
    panels = list(_panels(organisation, used, state, shown, now))
    if request.GET.get("format") == "csv":
        return download(_as_csv(panels), name=f"hours-{slug}-{shown}")
    context = {
        "organisation": organisation,
        "organisations": organisations,
        "state": state,
        "day": shown,
        "before": shown - ONE_DAY if shown > EARLIEST else None,
        "after": shown + ONE_DAY if shown < today else None,
        "today": today,
        "metrics": metrics,
        "groupings": used.groupings,
        "live": tag,
        "back": reverse("usage", args=[slug]) + _query_back(request, state, shown),
        "query": _query(request),
        "panels": panels,
    }
    page = template_for(request, "billing/usage_day.html", partials={"content"})
    return render(request, page, context)


def _as_csv(panels: Iterable[HourPanel]) -> str:
    return written(
        "hour",
        [
            Taken(
                panel.metric.name,
                panel.metric.unit,
                [one.name for one in panel.series],
                [Place(row.name, row.values, row.total) for row in panel.rows],
            )
            for panel in panels
        ],
    )


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Http404("There is no such day.") from error
    if not EARLIEST <= day <= today:
        raise Http404("There are no figures of this day.")
    return day


def _query(request: SignedInRequest) -> str:
    """Return the query that this page was led to with: it is that of the page of days."""
    said = request.META.get("QUERY_STRING", "")
    return f"?{said}" if said else ""


def _query_back(request: SignedInRequest, state: State, day: date) -> str:
    """Return it, but with the month of the day where it is of other days: not all come from it."""
    if day in state.range.shown:
        return _query(request)
    month = month_of(day)
    return state.link(**{"from": f"{month.first}", "to": f"{month.last}"})


def _panels(
    organisation: Organisation, used: UsedServices, state: State, day: date, now: datetime
) -> Iterator[HourPanel]:
    grouped = used.with_dimension(state.by) if state.by else []
    usage = read_hours(organisation, used.services, day=day, grouped=grouped, now=now)
    starts = [one for one in hours_of(day, organisation)[:-1] if one <= now]
    for metric, service in metrics_of(used):
        is_wanted = state.metric in ("", metric.slug)
        if is_wanted and any(
            one.figure or one.level for one in usage.hours.get(service.pk, {}).values()
        ):
            yield _panel(organisation, metric, service, usage, starts)


def _panel(
    organisation: Organisation,
    metric: Metric,
    service: Service,
    usage: UsageHours,
    starts: Sequence[datetime],
) -> HourPanel:
    values = metric.of_each(usage.hours[service.pk], service)
    groups = {} if metric == STORED else usage.groups.get(service.pk, {})
    series = hour_series(
        metric,
        values,
        {value: metric.of_each(each, service) for value, each in groups.items()},
    )
    names = _names(starts, organisation)
    rows = []
    for at in starts:
        each = [one.values.get(at, ZERO) for one in series]
        link = _link(organisation, service, at)
        rows.append(HourRow(names[at], link, each, values.get(at, ZERO)))
    leads = {row.name: row.link for row in rows}
    return HourPanel(
        metric=metric,
        series=series,
        figure=with_links(hour_figure(metric, series, names), leads),
        rows=rows,
        total=sum(values.values(), ZERO) if service.is_additive and not metric.is_level else None,
        peak=max(rows, key=lambda row: row.total, default=None),
    )


def _names(starts: Sequence[datetime], organisation: Organisation) -> Mapping[datetime, str]:
    """Name hours by the clock; where clocks are put back, one comes twice: so with its offset."""
    local = {start: start.astimezone(organisation.zone) for start in starts}
    plain = [f"{one:%H:%M}" for one in local.values()]
    if len(set(plain)) == len(plain):
        return dict(zip(local, plain, strict=True))
    return {start: f"{one:%H:%M %z}" for start, one in local.items()}


def _link(organisation: Organisation, service: Service, start: datetime) -> str:
    query = {"hour": f"{start:%Y-%m-%dT%H:%MZ}", "service": service.slug}
    return f"{reverse('events', args=[organisation.slug])}?{urlencode(query)}"
