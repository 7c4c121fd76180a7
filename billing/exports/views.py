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


@signed_in
@require_safe
def usage(request: SignedInRequest, slug: str) -> HttpResponseBase:
    """One organisation's."""
    return _of_one(request, slug, _usage)


@operators_only
@require_safe
def all_usage(request: SignedInRequest) -> HttpResponseBase:
    """All organisations'."""
    return _of_all(request, _usage)


@signed_in
@require_safe
def focus(request: SignedInRequest, slug: str) -> HttpResponseBase:
    """One organisation's costs."""
    return _of_one(request, slug, _focus)


@operators_only
@require_safe
def all_focus(request: SignedInRequest) -> HttpResponseBase:
    """All organisations' costs."""
    return _of_all(request, _focus)


def _of_one(request: SignedInRequest, slug: str, export: Export) -> HttpResponseBase:
    organisation = get_organisation(request.user, slug)
    today = day_of(timezone.now(), organisation.zone)
    return _or_refused(
        export, request, Organisation.objects.filter(pk=organisation.pk), slug, today
    )


def _of_all(request: SignedInRequest, export: Export) -> HttpResponseBase:
    today = timezone.now().date()
    return _or_refused(export, request, Organisation.objects.all(), "all", today)


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
