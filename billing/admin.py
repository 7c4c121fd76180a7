"""Django looks for an app's admin here; each part of billing keeps its own."""

from billing.accounts import admin as accounts
from billing.invoicing import admin as invoicing
from billing.metering.services import admin as metering
from billing.migrating import admin as migrating
from billing.pricing import admin as pricing
from billing.pricing import admin_charges as charges

__all__ = ["accounts", "charges", "invoicing", "metering", "migrating", "pricing"]
