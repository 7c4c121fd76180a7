"""Celery looks for an app's tasks here; each part of billing keeps its own."""

from billing.archiving.tasks import archive, archive_organisation
from billing.invoicing.tasks import close_month, close_organisation_month
from billing.metering.tasks import advance_partition, sweep

__all__ = [
    "advance_partition",
    "archive",
    "archive_organisation",
    "close_month",
    "close_organisation_month",
    "sweep",
]
