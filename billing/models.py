"""Django looks for an app's models here; each part of billing keeps its own."""

from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.metering.models import DailyUsage, Service
from billing.pricing.models import Charge, Plan, PlanVersion, Tier

__all__ = [
    "Charge",
    "DailyUsage",
    "Invoice",
    "InvoiceLine",
    "Plan",
    "PlanVersion",
    "Service",
    "Subscription",
    "Tier",
]
