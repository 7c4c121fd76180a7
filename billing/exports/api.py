"""Costs over HTTP, to take away: FOCUS rows of an organisation, or of all that a key speaks for."""

from datetime import date
from typing import Annotated, Any, Literal

from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import timezone
from ninja import Query, Router

from billing.dashboards.ranges import BadRange, require_range
from billing.exports.answers import CSV, answer
from billing.exports.documents import documents
from billing.exports.focus import focus_rows
from billing.exports.views import FOCUS
from catacloud.accounts.api_keys import KeyRequest
from catacloud.accounts.organisations import visible
from catacloud.problems import Problem

router = Router()

Slug = Annotated[
    str | None,
    Query(pattern="^[-a-zA-Z0-9_]+$", description="One organisation, of those of the key."),
]
Day = Annotated[date, Query(description="Of the days on which billing periods start.")]
FILE = {"schema": {"type": "string", "format": "binary"}}
MADE = {
    "responses": {
        "200": {
            "description": "A row for each line and each tax of a document, as FOCUS 1.2 has them.",
            "content": {"text/csv": FILE, "application/vnd.apache.parquet": FILE},
        }
    }
}


@router.get("/costs/focus", summary="Export costs as FOCUS", openapi_extra=MADE)
def export_focus(
    request: KeyRequest,
    first: Annotated[Day, Query(alias="from")],
    last: Annotated[Day, Query(alias="to")],
    organisation: Slug = None,
    form: Annotated[Literal["csv", "parquet"], Query(alias="format")] = CSV,  # type: ignore[assignment]
) -> Any:
    """Export what was invoiced, and what is to be, of billing periods that start on some days.

    The rows of an invoice add up to what is owed for it. What is not invoiced yet has an
    `InvoiceId` that starts with `draft-`, and may still change.
    """
    found = visible(request.auth)
    if organisation is not None:
        found = found.filter(slug=organisation)
        if not found.exists():
            raise Http404
    now = timezone.now()
    asked = {"from": first.isoformat(), "to": last.isoformat()}
    try:
        days = require_range(asked, today=now.date()).days
    except BadRange as bad:
        raise Problem(400, str(bad)) from bad
    rows = focus_rows(documents(found, days=days, now=now))
    name = f"focus-{organisation or 'all'}-{days.first}-to-{days.last}"
    response: HttpResponseBase = answer(rows, FOCUS, name=name, form=form)
    return response
