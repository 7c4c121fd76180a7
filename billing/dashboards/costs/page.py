"""What an organisation is to pay: the bill to come against its budget, and the periods before."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from billing.budgets.coming import bill_of
from billing.budgets.forms import BudgetForm
from billing.budgets.keeping import remove_budget, set_budget
from billing.budgets.models import Budget, Threshold
from billing.dashboards import stamps
from billing.dashboards.charts.csv_files import Place, Taken, download, written
from billing.dashboards.charts.drawing import period_bars
from billing.dashboards.costs.bill_to_come import reading_bill
from billing.dashboards.costs.budget_bar import bar
from billing.dashboards.costs.periods import OF_SERVICES, CostHistory, CostLine, history
from billing.invoicing.closing.drafting import Draft
from billing.invoicing.closing.upcoming import running
from billing.invoicing.documents import describing
from billing.invoicing.documents.written import PLACES_SHOWN, write
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.periods import day_of, month_of
from billing.prepared import Slot, prepared
from billing.pricing.currencies import round_amount
from billing.templatetags.figures import service
from billing.together import Reading, read, together
from catacloud import live
from catacloud.accounts.access import (
    SignedInRequest,
    get_organisation,
    get_organisation_as,
    signed_in,
)
from catacloud.accounts.models import Organisation, Role
from catacloud.fragments import template_for

BILLERS = (Role.OWNER, Role.BILLING)
PERIODS = 12
MOST_LINES = 5000  # that are read for a chart
EXPORTED = timedelta(days=365)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request", "HX-Target")
def costs(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the costs; posted by who may bill, keep a budget."""
    now = timezone.now()
    if request.method == "POST" and _is_saved(request, slug, now):
        return redirect("costs", slug)
    organisation = get_organisation(request.user, slug)
    today = day_of(now, organisation.zone)
    days = stamps.to_be_billed(today)
    if same := live.nothing_new(
        request, organisation, now, lambda: stamps.stamp_of(organisation, days)
    ):
        return same
    bill, (known, lines), stamp = read(
        together(
            reading_bill(organisation, now=now),
            _past(organisation, now),
            stamps.reading_stamp(organisation, days),
        )
    )
    draft = running(bill.drafts, now=now)
    past = history([*lines, *_lines_of(draft)], most=PERIODS)
    if request.GET.get("format") == "csv":
        return download(_as_csv(past, known.currency or ""), name=f"periods-{slug}")
    context = {
        "organisation": organisation,
        "budget": known.budget,
        "form": _form(request, organisation, known),
        "may_bill": getattr(organisation, "own_role", Role.OWNER) in BILLERS,
        "currency": known.currency,
        "today": today,
        "export_from": month_of(today - EXPORTED).first,
        "live": live.tag_of(request, organisation, stamp, now),
        **_figures(known, past, draft),
        "to_do": bill.to_do,
    }
    page = template_for(request, "billing/costs.html", partials={"content"})
    return render(request, page, context)


def _is_saved(request: SignedInRequest, slug: str, now: datetime) -> bool:
    """Keep the budget that is posted; say if its form is as it should be."""
    organisation = get_organisation_as(request.user, slug, *BILLERS)
    form = _form(request, organisation, read(_known(organisation, now)))
    if not (form and form.is_valid()):
        return False
    set_budget(form.instance, by=request.user, now=now)
    messages.success(request, _("The budget is saved."))
    return True


@signed_in
@require_POST
def budget_removed(request: SignedInRequest, slug: str) -> HttpResponseRedirect:
    organisation = get_organisation_as(request.user, slug, *BILLERS)
    remove_budget(organisation, by=request.user, now=timezone.now())
    messages.success(request, _("There is no budget any more."))
    return redirect("costs", slug)


@dataclass(frozen=True, slots=True)
class _Known:
    """The currency of the price plan in force, None where there is none yet; and the budget."""

    currency: str | None
    budget: Budget | None


def _known(organisation: Organisation, now: datetime) -> Reading[_Known]:
    owner, today = organisation.pk, day_of(now, organisation.zone)
    currencies, budgets = yield [_currency(owner=owner, today=today), _budget(owner=owner)]
    return _Known(currencies[0][0] if currencies else None, budgets[0] if budgets else None)


@prepared
def _currency(owner: Slot, today: Slot) -> QuerySet[Subscription, tuple[str]]:
    started = Subscription.objects.filter(organisation=owner, starts_on__lte=today)
    return started.order_by("-starts_on").values_list("plan_version__currency")[:1]


@prepared
def _budget(owner: Slot) -> QuerySet[Budget]:
    return Budget.objects.filter(organisation=owner)


def _past(organisation: Organisation, now: datetime) -> Reading[tuple[_Known, list[CostLine]]]:
    """Read the lines of the last invoices in the currency, the newest invoice first."""
    known = yield from _known(organisation, now)
    [lines] = yield [_last_lines(owner=organisation.pk, currency=known.currency or "")]
    return known, [_on_the_page(CostLine(*row)) for row in lines]


@prepared
def _last_lines(owner: Slot, currency: Slot) -> QuerySet[InvoiceLine, tuple[Any, ...]]:
    invoices = Invoice.objects.filter(organisation=owner, voided_at=None, currency=currency)
    last = invoices.order_by("-starts_on").values("pk")[:PERIODS]
    lines = InvoiceLine.objects.filter(invoice__in=last).order_by("-invoice_id")
    of_invoice = ("invoice__starts_on", "invoice__ends_on", "invoice__number")
    return lines.values_list(*of_invoice, "kind", "service_name", "amount")[:MOST_LINES]


def _form(request: SignedInRequest, organisation: Organisation, known: _Known) -> BudgetForm | None:
    """Return the form of the budget, or of one that warns of the most while there is none."""
    if known.currency is None:
        return None
    if known.budget and known.budget.currency == known.currency:
        budget = copy(known.budget)  # whose places are the table's, and not the currency's
        budget.amount = round_amount(budget.amount, known.currency)
    else:
        usual = [Threshold.MOST, Threshold.FORECAST, Threshold.ALL]
        budget = Budget(organisation=organisation, currency=known.currency, thresholds=usual)
    budget.organisation = organisation
    return BudgetForm(request.POST or None, instance=budget)


def _as_csv(past: CostHistory, currency: str) -> str:
    names = [one.name for one in past.series]
    rows = [Place(f"{one.days.first}", amounts, one.total) for one, amounts in past.rows]
    return written("period from", [Taken(_("Cost"), currency, names, rows)])


def _figures(known: _Known, past: CostHistory, draft: Draft | None) -> dict[str, object]:
    budget, bill = known.budget, bill_of(draft) if draft else None
    is_held = budget and bill and budget.currency == bill.currency
    return {
        "document": write(describing.of_draft(draft), places=PLACES_SHOWN) if draft else None,
        "bill": bill,
        "bar": bar(bill, amount=budget.amount) if budget and bill and is_held else None,
        "history": past,
        "last": next((one for one in reversed(past.periods) if one.number), None),
        "figure": period_bars(
            periods=[(one.days.first, one.name) for one in past.periods],
            series=past.series,
            unit=known.currency or "",
            is_running=draft is not None,
        )
        if past.series
        else None,
    }


def _lines_of(draft: Draft | None) -> Iterator[CostLine]:
    if draft:
        first, end = draft.days.first, draft.days.end
        for line in draft.lines:
            yield _on_the_page(CostLine(first, end, "", line.kind, line.service_name, line.amount))


def _on_the_page(line: CostLine) -> CostLine:
    return line._replace(name=service(line.name)) if line.kind in OF_SERVICES else line
