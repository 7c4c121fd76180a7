"""An organisation's invoices: the upcoming one, those that were issued, and why they say so."""

from datetime import UTC, date, datetime
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import Model, Prefetch, QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from billing.dashboards import stamps
from billing.dashboards.costs.bill_to_come import BillToCome, reading_bill
from billing.dashboards.invoices.rows import LONGEST, STATUSES, filtered, read_filters, reading_rows
from billing.invoicing.documents import describing, issued_files
from billing.invoicing.documents.issued_files import Issued
from billing.invoicing.documents.written import PLACES_SHOWN, write
from billing.invoicing.models import Invoice, InvoiceLine
from billing.invoicing.proving import verifying, why
from billing.invoicing.settling.after import CreditNote, IssuedFile
from billing.invoicing.settling.correcting import total
from billing.invoicing.settling.standing import standings
from billing.periods import day_of
from billing.together import Reading, read, together
from catacloud import live
from catacloud.accounts.access import (
    SignedInRequest,
    get_organisation,
    operators_only,
    signed_in,
)
from catacloud.accounts.models import Organisation
from catacloud.addresses import tidied
from catacloud.fragments import template_for

T = TypeVar("T", bound=Model)


@signed_in
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
@tidied(q=LONGEST)
def invoice_list(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    now = timezone.now()
    asked, today = read_filters(request.GET), day_of(now, organisation.zone)
    days = stamps.to_be_billed(today)
    if same := live.nothing_new(
        request, organisation, now, lambda: stamps.stamp_of(organisation, days)
    ):
        return same
    page = template_for(request, "billing/invoices.html", partials={"content", "issued"})
    readings: list[Reading[Any]] = [reading_rows(organisation, today=today)]
    if not page.endswith("#issued"):
        readings += [reading_bill(organisation, now=now), stamps.reading_stamp(organisation, days)]
    rows, *more = read(together(*readings))
    context: dict[str, object] = {
        "organisation": organisation,
        "asked": asked,
        "rows": filtered(rows, asked),
        "has_invoices": bool(rows),
    }
    if more:
        bill, stamp = more
        context |= _upcoming(bill, today)
        context["live"] = live.tag_of(request, organisation, stamp, now)
    return render(request, page, context)


@signed_in
@require_safe
def invoice_detail(request: SignedInRequest, slug: str, number: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    invoice = _invoice(organisation, number)
    standing = standings(organisation)[invoice.pk]
    status = standing.status(day_of(timezone.now(), organisation.zone))
    context = {
        "organisation": organisation,
        "invoice": invoice,
        "document": write(describing.of_invoice(invoice), places=PLACES_SHOWN),
        "standing": standing,
        "status": status,
        "status_name": STATUSES[status],
        "file": issued_files.of(invoice),
    }
    return render(request, "billing/invoice.html", context)


@signed_in
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def invoice_line(request: SignedInRequest, slug: str, number: str, position: int) -> HttpResponse:
    """The working of a line, then its days, with ?day= its hours, with ?hour= their events."""
    organisation = get_organisation(request.user, slug)
    invoice = _invoice(organisation, number)
    try:
        opened = why.open_line(invoice, position)
    except InvoiceLine.DoesNotExist as error:
        raise Http404("There is no such line.") from error
    now, written = timezone.now(), write(describing.of_invoice(invoice))
    day, hour = _day(request.GET.get("day", "")), _hour(request.GET.get("hour", ""))
    days = why.days(opened, now=now)
    events = why.events(opened, hour) if hour else []
    context = {
        "organisation": organisation,
        "invoice": invoice,
        "opened": opened,
        "document": written,
        "line": written.lines[position - 1],
        "days": [(span, day_of(span.starts_at, opened.zone)) for span in days],
        "days_total": why.total(days),
        "adds_up": opened.adds_up,
        "day": day,
        "hours": why.hours(opened, day, now=now) if day else [],
        "hour": hour,
        "events": events,
        "has_more": len(events) >= why.MOST_EVENTS,
    }
    page = template_for(request, "billing/invoice_line.html", partials={"why"})
    return render(request, page, context)


@signed_in
@require_safe
def invoice_pdf(request: SignedInRequest, slug: str, number: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    return _pdf(_invoice(organisation, number))


@signed_in
@require_safe
def credit_note(request: SignedInRequest, slug: str, number: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    note = _credit_note(organisation, number)
    context = {
        "organisation": organisation,
        "note": note,
        "invoice": note.invoice,
        "document": write(describing.of_credit_note(note), places=PLACES_SHOWN),
        "file": issued_files.of(note),
    }
    return render(request, "billing/credit_note.html", context)


@signed_in
@require_safe
def credit_note_pdf(request: SignedInRequest, slug: str, number: str) -> HttpResponse:
    return _pdf(_credit_note(get_organisation(request.user, slug), number))


@operators_only
@require_POST
def verify_invoice(request: SignedInRequest, slug: str, number: str) -> HttpResponseRedirect:
    """Re-derive an invoice from its events, and say how that went."""
    organisation = get_organisation(request.user, slug)
    invoice = _invoice(organisation, number)
    difference = verifying.verify(invoice)
    if difference:
        messages.error(request, difference)
    else:
        messages.success(request, _("Made anew from its events, it comes to the same cent."))
    return redirect(reverse("invoice", args=[organisation.slug, invoice.number]))


def _upcoming(bill: BillToCome, today: date) -> dict[str, object]:
    """Show the drafts that closing would issue now: of the periods that have no invoice yet."""
    return {
        "drafts": [
            {
                "document": write(describing.of_draft(draft), places=PLACES_SHOWN),
                "gross": draft.gross,
                "is_over": draft.days.end <= today,
            }
            for draft in bill.drafts
        ],
        "waiting": [
            (total([line.amount for line in lines]), currency)
            for currency, lines in (bill.drafts[0].waiting.items() if bill.drafts else ())
        ],
        "to_do": bill.to_do,
    }


def _invoice(organisation: Organisation, number: str) -> Invoice:
    notes = Prefetch("credit_notes", CreditNote.objects.order_by("issued_at"))
    found = Invoice.objects.select_related("plan_version__plan").prefetch_related(notes, "payments")
    return _numbered(found, number, organisation=organisation)


def _credit_note(organisation: Organisation, number: str) -> CreditNote:
    notes = CreditNote.objects.select_related("invoice__plan_version__plan")
    return _numbered(notes, number, invoice__organisation=organisation)


def _numbered(documents: QuerySet[T], number: str, **of: Organisation) -> T:
    if "\0" in number:
        raise Http404("No number holds a NUL, and PostgreSQL cannot be asked for one.")
    return get_object_or_404(documents, number=number, **of)


def _pdf(document: Issued) -> HttpResponse:
    """Serve the issued file as it is kept."""
    file: IssuedFile | None = issued_files.of(document)
    if file is None:
        raise Http404("Its PDF is being made: try again in a minute.")
    return HttpResponse(
        issued_files.read(file),
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="{document.number}.pdf"',
            "ETag": f'"{file.sha256}"',
        },
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _hour(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
