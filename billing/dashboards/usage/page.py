"""One organisation's usage, for its members and for operators."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypedDict

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.dashboards import grains, stamps
from billing.dashboards.charts.ahead import Read
from billing.dashboards.charts.csv_files import download
from billing.dashboards.charts.drawing import Values
from billing.dashboards.charts.marks import DAY, FIRST, LAST, Links, Notes
from billing.dashboards.headlines import Headline, headlines
from billing.dashboards.metrics import DISTINCT, METRICS, STORED, Metric, metric_of
from billing.dashboards.ranges import DEFAULT, PERIODS, presets_of, read_range
from billing.dashboards.usage.bill_so_far import Agreed, reading_agreed
from billing.dashboards.usage.csv_files import as_csv
from billing.dashboards.usage.happened import notes_of
from billing.dashboards.usage.panels import Panel, make_panel
from billing.dashboards.usage.reading import Known, Question, days_to_read, read_usage
from billing.dashboards.usage.state import Choices, State, read_state
from billing.dashboards.usage.used_services import UsedServices, reading_services
from billing.invoicing.charging.rate import RatedPeriod
from billing.invoicing.charging.schedule import Cycle
from billing.metering.folding.freshness import freshness
from billing.metering.models import Service
from billing.periods import day_of
from billing.together import read, together
from catacloud import live
from catacloud.accounts.access import SignedInRequest, signed_in, visible_organisations
from catacloud.accounts.models import Organisation
from catacloud.fragments import open_tables, opened_table, template_for, varies

ALWAYS = {metric.service for metric in METRICS.values()}
SORTS = ("day", "-day", "used", "-used")
MOST_PANELS = 12  # of services that an operator defined, on one page


@dataclass(frozen=True, slots=True)
class Asked:
    """What is shown, of whom, and when."""

    organisation: Organisation
    agreed: Agreed
    used: UsedServices
    state: State
    known: Known
    now: datetime

    @property
    def today(self) -> date:
        return day_of(self.now, self.organisation.zone)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the page is made of."""

    metrics: Sequence[Metric]
    headlines: Sequence[Headline]
    notes: Notes
    panels: Sequence[Panel]
    is_empty: bool
    bill: RatedPeriod | None
    stamp: str  # see stamps.py


@signed_in
@require_safe
@varies
def usage(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the days of a range; asked again with the tag of what is shown, say what is new."""
    organisations, organisation = own_organisations(request, slug)
    now = timezone.now()
    if same := live.nothing_new(
        request, organisation, now, lambda: _stamp(request, organisation, now)
    ):
        return same
    asked = _asked(request, organisation, now)
    if chart := opened_table(request):
        return _table(request, asked, chart)
    figures = _figures(asked)
    if request.GET.get("format") == "csv":
        return _as_csv(figures, asked)
    page = template_for(request, "billing/organisation.html", partials={"content"})
    context = {
        "organisation": organisation,
        "organisations": organisations,
        "state": asked.state,
        "asked": asked.state.range,
        "today": asked.today,
        "presets": presets_of(asked.agreed.cycle(asked.today), today=asked.today),
        "groupings": asked.used.groupings,
        "grains": grains.choices(),
        "live": live.tag_of(request, organisation, figures.stamp, now),
        "freshness": freshness(asked.now),
        "uncounted": asked.known.uncounted,
        "figures": figures,
        "metrics": figures.metrics,
        "bill": figures.bill,
        "is_share": asked.known.is_share,
        "opened": open_tables(request),
    }
    return render(request, page, context)


def _stamp(request: SignedInRequest, organisation: Organisation, now: datetime) -> str:
    agreed = read(reading_agreed(organisation.pk))
    shown = read_range(request.GET, **of_ranges(organisation, agreed, now))
    days = days_to_read(shown, agreed, today=day_of(now, organisation.zone))
    return stamps.stamp_of(organisation, days)


def _table(request: SignedInRequest, asked: Asked, chart: str) -> HttpResponse:
    """Return what a chart shows as a table. Raises Http404 where there is no such chart."""
    alone = replace(asked, state=replace(asked.state, metric=chart))
    context = {"organisation": asked.organisation, "state": asked.state, "asked": asked.state.range}
    for panel in _figures(alone).panels:
        return render(request, "includes/usage_table.html", {**context, "panel": panel})
    raise Http404("There is no such chart.")


def _as_csv(figures: Figures, asked: Asked) -> HttpResponse:
    days, slug = asked.state.range.days, asked.organisation.slug
    currency = figures.bill.currency if figures.bill else ""
    table = as_csv(figures.panels, first=asked.state.range.grain, currency=currency)
    return download(table, name=f"charts-{slug}-{days.first}-to-{days.last}")


def own_organisations(
    request: SignedInRequest, slug: str
) -> tuple[Sequence[Organisation], Organisation]:
    """Return what a member may choose between, and the one that is asked for, in one query.

    Raises Http404 where it does not exist for who asks.
    """
    found = visible_organisations(request.user)
    if request.user.is_staff:
        found = found.filter(slug=slug)
    each = list(found.order_by("name", "pk"))
    for one in each:
        if one.slug == slug:
            return each, one
    raise Http404("This page does not exist.")


class OfRanges(TypedDict):
    """What decides which days a range is."""

    today: date
    cycle: Cycle
    default: str


def of_ranges(organisation: Organisation, agreed: Agreed, now: datetime) -> OfRanges:
    """Return what decides which days a range of an organisation's is."""
    today = day_of(now, organisation.zone)
    cycle = agreed.cycle(today)
    has_own = bool(PERIODS.keys() & presets_of(cycle, today=today).keys())
    return {"today": today, "cycle": cycle, "default": "this-period" if has_own else DEFAULT}


def _asked(request: SignedInRequest, organisation: Organisation, now: datetime) -> Asked:
    agreed, used = read(
        together(reading_agreed(organisation.pk), reading_services(organisation, always=ALWAYS))
    )
    choices = Choices(
        metric=("", *(metric.slug for metric, _ in metrics_of(used))),
        by=("", *used.groupings),
        sort=SORTS,
    )
    state = read_state(request.GET, choices=choices, **of_ranges(organisation, agreed, now))
    known = read_usage(Question(organisation, agreed, used, state, now))
    return Asked(organisation, agreed, used, state, known, now)


def metrics_of(used: UsedServices) -> list[tuple[Metric, Service]]:
    """Return what can be shown: the ready-made metrics, then each other service's own figure."""
    own = {one.slug: one for one in used.services}
    ready = [(one, own[one.service]) for one in METRICS.values() if one.service in own]
    others = [(metric_of(one), one) for slug, one in own.items() if slug not in ALWAYS]
    return [*ready, *others[:MOST_PANELS]]


def _figures(asked: Asked) -> Figures:
    state, services = asked.state, asked.used.services
    days, usage, bill = state.range.days, asked.known.usage, asked.known.bill
    reads = [_read(metric, one, asked) for metric, one in metrics_of(asked.used)]
    nothing: dict[str, Values] = {slug: {} for slug in METRICS}  # of services that are gone
    daily = nothing | {read.metric.slug: read.values for read in reads}
    used = [one for one in reads if one.metric.slug in METRICS or any(map(one.values.get, days))]
    notes = notes_of(asked.agreed.subscriptions, services, usage, days)
    return Figures(
        metrics=[one.metric for one in used],
        headlines=headlines(daily, state.range, today=asked.today),
        notes=notes,
        panels=_panels(used, notes, asked),
        is_empty=not any(one.values.get(day) for one in reads for day in days),
        bill=bill,
        stamp=usage.stamp,
    )


def _panels(reads: Sequence[Read], notes: Notes, asked: Asked) -> list[Panel]:
    state = asked.state
    links = _links(asked)
    return [
        make_panel(read, state, today=asked.today, notes=notes, links=links)
        for read in reads
        if state.metric in ("", read.metric.slug)
    ]


def _links(asked: Asked) -> Links:
    """Return where places lead: weeks and months to their days, and days to their hours."""
    usage, state = reverse("usage", args=[asked.organisation.slug]), asked.state
    if state.range.grain == grains.DAY:
        return Links(f"{usage}days/{DAY}/{state.query}")
    kept, days = state.link(range=None), f"from={FIRST}&to={LAST}"
    return Links(f"{usage}{kept}&{days}" if kept else f"{usage}?{days}")


def _read(metric: Metric, service: Service, asked: Asked) -> Read:
    usage, bill = asked.known.usage, asked.known.bill
    distinct = asked.known.distinct.get(service.pk)
    if distinct is not None:
        metric = replace(metric, fold=DISTINCT)
    own = usage.days.get(service.pk, {})
    by = service.pk, asked.state.by
    groups = {} if metric == STORED else usage.groups.get(by, {})
    return Read(
        metric=metric,
        values=metric.of_each(own, service),
        groups={value: metric.of_each(each, service) for value, each in groups.items()},
        distinct=metric.of_each(distinct or {}, service),
        costs={} if metric.is_level else asked.known.costs.get(service.pk, {}),
        currency=bill.currency if bill else "",
        drifts=service.is_level,
        may_be_forecast=service.is_additive,
    )
