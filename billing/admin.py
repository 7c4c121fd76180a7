"""Django looks for an app's admin here; each part of billing keeps its own."""

from billing.invoicing import admin as invoicing
from billing.metering import admin as metering
from billing.pricing import admin as pricing

__all__ = ["invoicing", "metering", "pricing"]
