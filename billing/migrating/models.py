"""Moves of many customers to another plan version: who, to what, when, and how far it has come."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext

from billing.pricing.models import PlanVersion
from catacloud.accounts.models import Organisation


class PlanMigration(models.Model):
    """Named first, then simulated, then confirmed: only then anybody moves."""

    class Status(models.TextChoices):
        NAMED = "named"
        RUNNING = "running"
        DONE = "done"
        UNDONE = "undone"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    from_version = models.ForeignKey(
        PlanVersion,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text="Only who is on it. Empty: on any version.",
    )
    name_contains = models.CharField(
        max_length=100, blank=True, help_text="Only whose name contains this."
    )
    slugs = models.TextField(
        "organisations", blank=True, help_text="Only these, by their slugs, one a line."
    )
    to_version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="+")
    starts_on = models.DateField(
        null=True,
        blank=True,
        help_text="Empty: with each customer's next billing period. A day divides the period.",
    )
    keep_until = models.DateField(
        null=True,
        blank=True,
        help_text="Grandfathering: they stay until the first billing period from this day on.",
    )
    keeps_own_prices = models.BooleanField(
        default=True, help_text="Grandfathering: prices of their own stay in force."
    )
    simulated_periods = models.PositiveSmallIntegerField(
        default=3, help_text="How many of the last closed periods the simulation rates anew."
    )
    reason = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NAMED)
    named_at = models.DateTimeField(editable=False)
    simulating_since = models.DateTimeField(null=True, editable=False)
    simulated_at = models.DateTimeField(null=True, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False
    )

    class Meta:
        verbose_name = "plan migration"
        ordering = ["-named_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_on=None) | Q(keep_until=None),
                name="a_migration_has_one_start",
                violation_error_message="Name a day to start, or one to stay until, not both.",
            ),
            models.CheckConstraint(
                condition=Q(status="named", confirmed_at=None)
                | Q(simulated_at__isnull=False, confirmed_at__isnull=False),
                name="a_migration_is_simulated_before_it_runs",
            ),
        ]

    def __str__(self) -> str:
        return gettext("to {version}").format(version=self.to_version)


class Move(models.Model):
    """One organisation of a migration: what it would have paid, and whether it has moved."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        MOVED = "moved"
        REFUSED = "refused"
        UNDONE = "undone"

    migration = models.ForeignKey(PlanMigration, on_delete=models.CASCADE, related_name="moves")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="moves")
    simulated_at = models.DateTimeField(null=True)
    periods = models.PositiveSmallIntegerField(default=0, help_text="That were rated anew.")
    then = models.DecimalField(
        max_digits=30, decimal_places=4, default=0, help_text="What they came to."
    )
    new = models.DecimalField(
        max_digits=30, decimal_places=4, default=0, help_text="What they would come to."
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    starts_on = models.DateField(null=True)
    version_before = models.ForeignKey(
        PlanVersion,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        help_text="What was to start on that day without it.",
    )
    was_prorated = models.BooleanField(default=False)
    ended_prices = models.JSONField(default=list, help_text="Ids, and when they were to end.")
    why = models.TextField(blank=True, help_text="It was refused.")

    class Meta:
        ordering = ["organisation__name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["migration", "organisation"], name="an_organisation_moves_once"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["moved", "undone"]) | Q(starts_on__isnull=False),
                name="a_move_has_a_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.status}"
