"""Django looks for an app's models here; each part of billing keeps its own."""

from billing.accounts.models import (
    Account,
    Coupon,
    Credit,
    Discount,
    PoolMember,
    PrepaidUse,
    PriceOverride,
    Standstill,
)
from billing.archiving.models import UsageArchive
from billing.budgets.models import Budget, BudgetAlert
from billing.invoicing.legal import BillingDetails, LegalEntity, VatRate
from billing.invoicing.models import Invoice, InvoiceLine, Subscription
from billing.invoicing.settling.after import (
    CreditNote,
    CreditNoteLine,
    Delivery,
    IssuedFile,
    Payment,
)
from billing.metering.backlog import Backlog
from billing.metering.changed import UsageChange
from billing.metering.folding.uncounted import UncountedDay
from billing.metering.level_months import LevelMonth
from billing.metering.models import Definition, Dimension, Service
from billing.metering.platform_changed import PlatformChange
from billing.metering.restored import RestoredPayload
from billing.metering.usage_months import UsageMonth
from billing.metering.usage_tables import (
    DailyUsage,
    DimensionValue,
    HourlyUsage,
    PeakHour,
    PlatformUsage,
    UniqueValue,
    VoidedEvent,
)
from billing.migrating.models import Move, PlanMigration
from billing.pricing.models import Charge, Plan, PlanVersion, Tier
from billing.rankings.models import RankedOrganisation, Ranking
from billing.revenue.models import DayRevenue, PeriodRevenue, RevenueUpkeep

__all__ = [
    "Account",
    "Backlog",
    "BillingDetails",
    "Budget",
    "BudgetAlert",
    "Charge",
    "Coupon",
    "Credit",
    "CreditNote",
    "CreditNoteLine",
    "DailyUsage",
    "DayRevenue",
    "Definition",
    "Delivery",
    "Dimension",
    "DimensionValue",
    "Discount",
    "HourlyUsage",
    "Invoice",
    "InvoiceLine",
    "IssuedFile",
    "LegalEntity",
    "LevelMonth",
    "Move",
    "Payment",
    "PeakHour",
    "PeriodRevenue",
    "Plan",
    "PlanMigration",
    "PlanVersion",
    "PlatformChange",
    "PlatformUsage",
    "PoolMember",
    "PrepaidUse",
    "PriceOverride",
    "RankedOrganisation",
    "Ranking",
    "RestoredPayload",
    "RevenueUpkeep",
    "Service",
    "Standstill",
    "Subscription",
    "Tier",
    "UncountedDay",
    "UniqueValue",
    "UsageArchive",
    "UsageChange",
    "UsageMonth",
    "VatRate",
    "VoidedEvent",
]
