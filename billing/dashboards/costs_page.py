"""What an organisation is to pay: the bill to come against its budget, and the periods before."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from billing.budgets.coming import bill_of, running_draft
from billing.budgets.forms import BudgetForm
from billing.budgets.keeping import remove_budget, set_budget
from billing.budgets.models import Budget, Threshold
from billing.dashboards.budget_bar import bar
from billing.dashboards.charts import period_bars
from billing.dashboards.cost_periods import OF_SERVICES, CostLine, history
from billing.invoicing import describing
from billing.invoicing.drafting import Draft
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.invoicing.written import write
from billing.periods import day_of, month_of
from billing.pricing.currencies import round_amount
from billing.templatetags.figures import service
from catacloud.accounts.access import (
    SignedInRequest,
    get_organisation,
    get_organisation_as,
    signed_in,
)
from catacloud.accounts.models import Organisation, Role

BILLERS = (Role.OWNER, Role.BILLING)
PERIODS = 12
MOST_LINES = 5000  # that are read for a chart
EXPORTED = timedelta(days=365)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def costs(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the costs; posted by who may bill, keep a budget."""
    now = timezone.now()
    if request.method == "POST":
        organisation = get_organisation_as(request.user, slug, *BILLERS)
    else:
        organisation = get_organisation(request.user, slug)
    currency = _currency(organisation, now)
    form = _form(request, organisation, currency) if currency else None
    if form and form.is_valid():
        set_budget(form.instance, by=request.user, now=now)
        messages.success(request, _("The budget is saved."))
        return redirect("costs", slug)
    budget = Budget.objects.filter(organisation=organisation).first()
    context = {
        "organisation": organisation,
        "budget": budget,
        "form": form,
        "may_bill": getattr(organisation, "own_role", Role.OWNER) in BILLERS,
        "currency": currency,
        "today": day_of(now, organisation.zone),
        "export_from": month_of(day_of(now, organisation.zone) - EXPORTED).first,
        **_figures(organisation, budget, currency, now),
    }
    return render(request, "billing/costs.html", context)


@signed_in
@require_POST
def budget_removed(request: SignedInRequest, slug: str) -> HttpResponseRedirect:
    organisation = get_organisation_as(request.user, slug, *BILLERS)
    remove_budget(organisation, by=request.user, now=timezone.now())
    messages.success(request, _("There is no budget any more."))
    return redirect("costs", slug)


def _currency(organisation: Organisation, now: datetime) -> str | None:
    """Return the currency of the price plan in force; None where there is none yet."""
    found = Subscription.objects.filter(
        organisation=organisation, starts_on__lte=day_of(now, organisation.zone)
    )
    return found.order_by("-starts_on").values_list("plan_version__currency", flat=True).first()


def _form(request: SignedInRequest, organisation: Organisation, currency: str) -> BudgetForm:
    """Return the form of the budget, or of one that warns of the most while there is none."""
    budget = Budget.objects.filter(organisation=organisation, currency=currency).first()
    if budget is None:
        usual = [Threshold.MOST, Threshold.FORECAST, Threshold.ALL]
        budget = Budget(organisation=organisation, currency=currency, thresholds=usual)
    else:  # its places are the table's, and not the currency's
        budget.amount = round_amount(budget.amount, currency)
    budget.organisation = organisation
    return BudgetForm(request.POST or None, instance=budget)


def _figures(
    organisation: Organisation, budget: Budget | None, currency: str | None, now: datetime
) -> dict[str, object]:
    draft = running_draft(organisation, now=now) if currency else None
    bill = bill_of(draft) if draft else None
    past = history(_lines(organisation, currency, draft)) if currency else None
    is_held = budget and bill and budget.currency == bill.currency
    return {
        "document": write(describing.of_draft(draft)) if draft else None,
        "bill": bill,
        "bar": bar(bill, amount=budget.amount) if budget and bill and is_held else None,
        "history": past,
        "figure": period_bars(
            periods=[(one.days.first, one.name) for one in past.periods],
            series=past.series,
            unit=currency or "",
            is_running=draft is not None,
        )
        if past and past.series
        else None,
    }


def _lines(organisation: Organisation, currency: str, draft: Draft | None) -> Iterator[CostLine]:
    """Yield the lines of the last periods in a currency, with those of the bill to come."""
    invoices = Invoice.objects.filter(
        organisation=organisation, voided_at=None, currency=currency
    ).order_by("-starts_on")[: PERIODS - bool(draft)]
    rows = InvoiceLine.objects.filter(invoice__in=invoices.values("pk")).order_by("-invoice_id")
    for row in rows.values_list(
        "invoice__starts_on",
        "invoice__ends_on",
        "invoice__number",
        "kind",
        "service_name",
        "amount",
    )[:MOST_LINES]:
        yield _on_the_page(CostLine(*row))
    if draft:
        first, end = draft.days.first, draft.days.end
        for line in draft.lines:
            yield _on_the_page(CostLine(first, end, "", line.kind, line.service_name, line.amount))


def _on_the_page(line: CostLine) -> CostLine:
    return line._replace(name=service(line.name)) if line.kind in OF_SERVICES else line
