"""Django looks for an app's models here; each part of billing keeps its own."""

from billing.archiving.models import UsageArchive
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.metering.models import (
    DailyUsage,
    Definition,
    Dimension,
    DimensionValue,
    HourlyUsage,
    PeakHour,
    PlatformUsage,
    Service,
    UniqueValue,
    VoidedEvent,
)
from billing.pricing.models import Charge, Plan, PlanVersion, Tier

__all__ = [
    "Charge",
    "DailyUsage",
    "Definition",
    "Dimension",
    "DimensionValue",
    "HourlyUsage",
    "Invoice",
    "InvoiceLine",
    "PeakHour",
    "Plan",
    "PlanVersion",
    "PlatformUsage",
    "Service",
    "Subscription",
    "Tier",
    "UniqueValue",
    "UsageArchive",
    "VoidedEvent",
]
