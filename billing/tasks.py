"""Celery looks for an app's tasks here; each part of billing keeps its own."""

from billing.archiving.tasks import archive, archive_organisation
from billing.budgets.tasks import watch_budget, watch_budgets
from billing.invoicing.tasks import (
    close_accounts,
    close_due,
    close_month,
    issue_file,
    issue_files,
    send_file,
    verify_invoice,
)
from billing.metering.tasks import advance_partition, sweep
from billing.migrating.tasks import resume_migrations, run_migration, simulate_part
from billing.rankings.tasks import rank, rank_usual
from billing.revenue.tasks import keep_revenue

__all__ = [
    "advance_partition",
    "archive",
    "archive_organisation",
    "close_accounts",
    "close_due",
    "close_month",
    "issue_file",
    "issue_files",
    "keep_revenue",
    "rank",
    "rank_usual",
    "resume_migrations",
    "run_migration",
    "send_file",
    "simulate_part",
    "sweep",
    "verify_invoice",
    "watch_budget",
    "watch_budgets",
]
