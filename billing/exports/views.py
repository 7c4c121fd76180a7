"""Usage and costs to take away, as CSV or Parquet: the figures behind the pages.

Usage is daily, of the days that are named as the pages name them. Costs are FOCUS rows of the
billing periods that start on those days.
"""

from collections.abc import Callable
from datetime import date

from django.db.models import QuerySet
from django.http import HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.dashboards.ranges import BadRange
from billing.exports.answers import UnknownFormat, answer, read_days, read_format
from billing.exports.daily import DailyRow, daily_rows
from billing.exports.documents import documents
from billing.exports.files import Table
from billing.exports.focus import FocusRow, focus_name, focus_number, focus_rows
from billing.periods import day_of
from catacloud.accounts.access import (
    SignedInRequest,
    get_organisation,
    operators_only,
    signed_in,
)
from catacloud.accounts.models import Organisation

USAGE, FOCUS = Table(DailyRow), Table(FocusRow, focus_name, focus_number)

Some = QuerySet[Organisation]
Export = Callable[[SignedInRequest, Some, str, date], HttpResponseBase]
View = Callable[..., HttpResponseBase]


def _or_refused(
    export: Export, request: SignedInRequest, some: Some, name: str, today: date
) -> HttpResponseBase:
    try:
        return export(request, some, name, today)
    except (BadRange, UnknownFormat) as bad:
        return HttpResponseBadRequest(str(bad), content_type="text/plain; charset=utf-8")


def _usage(request: SignedInRequest, some: Some, name: str, today: date) -> HttpResponseBase:
    form, days = read_format(request.GET), read_days(request.GET, today=today)
    rows = daily_rows(some, days=days, now=timezone.now())
    return answer(rows, USAGE, name=f"usage-{name}-{days.first}-to-{days.last}", form=form)


def _focus(request: SignedInRequest, some: Some, name: str, today: date) -> HttpResponseBase:
    form, days = read_format(request.GET), read_days(request.GET, today=today)
    rows = focus_rows(documents(some, days=days, now=timezone.now()))
    return answer(rows, FOCUS, name=f"focus-{name}-{days.first}-to-{days.last}", form=form)


def _of_one(export: Export) -> View:
    """Return the view of one organisation's."""

    @signed_in
    @require_safe
    def view(request: SignedInRequest, slug: str) -> HttpResponseBase:
        organisation = get_organisation(request.user, slug)
        today = day_of(timezone.now(), organisation.zone)
        one = Organisation.objects.filter(pk=organisation.pk)
        return _or_refused(export, request, one, slug, today)

    return view


def _of_all(export: Export) -> View:
    """Return the view of all organisations'."""

    @operators_only
    @require_safe
    def view(request: SignedInRequest) -> HttpResponseBase:
        everyone = Organisation.objects.all()
        return _or_refused(export, request, everyone, "all", timezone.now().date())

    return view


usage, focus = _of_one(_usage), _of_one(_focus)
all_usage, all_focus = _of_all(_usage), _of_all(_focus)
