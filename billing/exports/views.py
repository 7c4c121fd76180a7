"""Daily usage to take away, as CSV or Parquet: the figures behind the charts of the same address.

``?format=`` is csv, as it is by default, or parquet; the days are named as the pages name them.
"""

from datetime import date

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.dashboards.ranges import BadRange, require_range
from billing.exports.daily import daily_rows
from billing.exports.files import as_csv, as_parquet
from billing.periods import day_of
from catacloud.accounts.access import (
    SignedInRequest,
    get_organisation,
    operators_only,
    signed_in,
)
from catacloud.accounts.models import Organisation

CSV, PARQUET = "csv", "parquet"


@signed_in
@require_safe
def usage(request: SignedInRequest, slug: str) -> HttpResponseBase:
    """One organisation's."""
    organisation = get_organisation(request.user, slug)
    today = day_of(timezone.now(), organisation.zone)
    return _export(request, Organisation.objects.filter(pk=organisation.pk), slug, today=today)


@operators_only
@require_safe
def all_usage(request: SignedInRequest) -> HttpResponseBase:
    """All organisations'."""
    organisations = Organisation.objects.all()
    return _export(request, organisations, "all", today=timezone.now().date())


def _export(
    request: SignedInRequest, organisations: QuerySet[Organisation], name: str, *, today: date
) -> HttpResponseBase:
    form = request.GET.get("format", CSV)
    if form not in (CSV, PARQUET):
        return _refused("There is usage as csv and as parquet.")
    try:
        days = require_range(request.GET, today=today).days
    except BadRange as bad:
        return _refused(str(bad))
    rows = daily_rows(organisations, days=days, now=timezone.now())
    file = f"usage-{name}-{days.first}-to-{days.last}.{form}"
    if form == PARQUET:
        return FileResponse(
            as_parquet(rows),
            as_attachment=True,
            filename=file,
            content_type="application/vnd.apache.parquet",
        )
    return StreamingHttpResponse(
        as_csv(rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


def _refused(why: str) -> HttpResponseBadRequest:
    return HttpResponseBadRequest(why, content_type="text/plain; charset=utf-8")
