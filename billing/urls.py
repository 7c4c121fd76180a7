"""The pages of billing."""

from django.urls import path

from billing.dashboards.costs.page import budget_removed, costs
from billing.dashboards.events.page import all_events, events, void_event
from billing.dashboards.home import home
from billing.dashboards.invoices.page import (
    credit_note,
    credit_note_pdf,
    invoice_detail,
    invoice_line,
    invoice_list,
    invoice_pdf,
    verify_invoice,
)
from billing.dashboards.organisations import organisations
from billing.dashboards.overview.page import overview
from billing.dashboards.usage.day_page import usage_day
from billing.dashboards.usage.page import usage
from billing.exports.views import all_focus, all_usage, focus
from billing.exports.views import usage as usage_export

urlpatterns = [
    path("", home, name="home"),
    path("overview/", overview, name="overview"),
    path("overview/export/", all_usage, name="all-usage-export"),
    path("overview/export/focus/", all_focus, name="all-focus-export"),
    path("events/", all_events, name="all-events"),
    path("organisations/", organisations, name="organisations"),
    path("organisations/<slug:slug>/events/", events, name="events"),
    path("organisations/<slug:slug>/events/void/", void_event, name="void-event"),
    path("organisations/<slug:slug>/usage/", usage, name="usage"),
    path("organisations/<slug:slug>/usage/days/<str:day>/", usage_day, name="usage-day"),
    path("organisations/<slug:slug>/usage/export/", usage_export, name="usage-export"),
    path("organisations/<slug:slug>/costs/export/", focus, name="focus-export"),
    path("organisations/<slug:slug>/costs/", costs, name="costs"),
    path("organisations/<slug:slug>/costs/budget/remove/", budget_removed, name="remove-budget"),
    path("organisations/<slug:slug>/invoices/", invoice_list, name="invoices"),
    path("organisations/<slug:slug>/invoices/<str:number>/", invoice_detail, name="invoice"),
    path("organisations/<slug:slug>/invoices/<str:number>/pdf/", invoice_pdf, name="invoice-pdf"),
    path(
        "organisations/<slug:slug>/invoices/<str:number>/verify/",
        verify_invoice,
        name="verify-invoice",
    ),
    path(
        "organisations/<slug:slug>/invoices/<str:number>/lines/<int:position>/",
        invoice_line,
        name="invoice-line",
    ),
    path("organisations/<slug:slug>/credit-notes/<str:number>/", credit_note, name="credit-note"),
    path(
        "organisations/<slug:slug>/credit-notes/<str:number>/pdf/",
        credit_note_pdf,
        name="credit-note-pdf",
    ),
]
