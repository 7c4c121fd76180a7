"""One organisation's usage, for its members and for operators."""

from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from billing.dashboards.headlines import headlines
from billing.dashboards.metrics import METRICS, metric_of
from billing.dashboards.panels import Panel, make_panel
from billing.dashboards.queries import (
    metered_services,
    organisation_days,
    other_services,
    rated_lines,
)
from billing.dashboards.ranges import PRESETS, Range, read_range
from billing.invoicing.rate import rate_organisations
from billing.metering.freshness import freshness
from billing.metering.uncounted import uncounted
from billing.periods import day_of
from catacloud.accounts.access import SignedInRequest, get_organisation, signed_in
from catacloud.accounts.models import Organisation
from catacloud.fragments import template_for


@signed_in
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def usage(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    now = timezone.now()
    asked = read_range(request.GET, today=day_of(now, organisation.zone))
    page = template_for(request, "billing/organisation.html", partials={"content"})
    context = {
        "organisation": organisation,
        "asked": asked,
        "presets": PRESETS,
        "today": day_of(now, organisation.zone),
        "freshness": freshness(now),
        "uncounted": uncounted(organisation.pk),
        **_figures(organisation, asked, now),
    }
    return render(request, page, context)


def _figures(organisation: Organisation, asked: Range, now: datetime) -> dict[str, object]:
    others = other_services(organisation=organisation, days=asked.read)
    metrics = [*METRICS.values(), *map(metric_of, others.values())]
    daily = organisation_days(
        organisation=organisation,
        services=metered_services() | others,
        days=asked.read,
        now=now,
        metrics=metrics,
    )
    panels: list[Panel] = [
        make_panel(metric, daily[metric.slug], asked, today=day_of(now, organisation.zone))
        for metric in metrics
    ]
    rated = rate_organisations(days=asked.days, now=now, organisations=[organisation.pk])
    bill = rated.get(organisation.pk)
    return {
        "headlines": headlines(daily, asked, today=day_of(now, organisation.zone)),
        "panels": panels,
        "is_empty": not any(daily[one.slug].get(day) for one in metrics for day in asked.days),
        "bill": bill,
        "bill_lines": rated_lines(bill),
    }
