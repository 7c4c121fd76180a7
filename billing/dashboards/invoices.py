"""An organisation's invoices, and what the next one stands at."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.dashboards.queries import invoices_of, lines_of, rated_lines, settled
from billing.dashboards.ranges import read_range
from billing.invoicing.correcting import corrections, total
from billing.invoicing.models import Invoice
from billing.invoicing.rate import rate_organisations
from billing.periods import Days, day_of
from catacloud.accounts.access import SignedInRequest, get_organisation, signed_in


@signed_in
@require_safe
def invoice_list(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    now = timezone.now()
    days = read_range({}, today=day_of(now, organisation.zone)).days
    rated = rate_organisations(days=days, now=now, organisations=[organisation.pk])
    bill = rated.get(organisation.pk)
    to_correct = corrections(organisation=organisation, now=now)
    corrected = to_correct.pop(bill.currency, []) if bill else []
    context = {
        "organisation": organisation,
        "invoices": invoices_of(organisation),
        "days": days,
        "bill": bill,
        "bill_lines": rated_lines(bill),
        "corrections": corrected,
        "bill_total": total([bill.total, *(one.amount for one in corrected)]) if bill else None,
        "waiting": [
            (total([one.amount for one in lines]), currency)
            for currency, lines in to_correct.items()
        ],
    }
    return render(request, "billing/invoices.html", context)


@signed_in
@require_safe
def invoice_detail(request: SignedInRequest, slug: str, number: str) -> HttpResponse:
    organisation = get_organisation(request.user, slug)
    invoice = get_object_or_404(
        Invoice.objects.select_related("plan_version__plan"),
        organisation=organisation,
        number=number,
    )
    context = {
        "organisation": organisation,
        "invoice": invoice,
        "days": Days(invoice.starts_on, invoice.ends_on),
        "lines": lines_of(invoice),
        "settled": settled(invoice),
    }
    return render(request, "billing/invoice.html", context)
