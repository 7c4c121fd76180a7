"""What can be metered, and the daily tables that only the metrics saga writes."""

from django.db import models
from django.db.models import Q

from catacloud.accounts.models import Organisation


class Service(models.Model):
    """A billable metric: which usage events count, and how a day's figure comes of them.

    A counter's figure is the sum of its quantities. A level's figure is the integral of the level
    over time, in quantity × microseconds: its events are changes of the level.
    """

    class Aggregation(models.TextChoices):
        COUNTER = "counter"
        LEVEL = "level"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    aggregation = models.CharField(max_length=10, choices=Aggregation.choices)
    event_type = models.CharField(
        max_length=200, unique=True, help_text="The CloudEvents type that it counts."
    )
    quantity_field = models.CharField(
        max_length=100, help_text="Where in an event's data the quantity stands."
    )
    unit = models.CharField(max_length=20, help_text="As shown and priced, such as GB·h.")
    unit_size = models.DecimalField(
        max_digits=40,
        decimal_places=12,
        help_text="How much of the figure makes one unit: 3600 s are 1 h.",
    )
    level_unit = models.CharField(max_length=20, blank=True, help_text="Of a level, such as GB.")
    level_unit_size = models.DecimalField(
        max_digits=40, decimal_places=12, null=True, blank=True, help_text="10⁹ bytes are 1 GB."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(unit_size__gt=0), name="service_unit_is_positive"),
            models.CheckConstraint(
                condition=Q(aggregation="counter")
                | Q(aggregation="level", level_unit_size__gt=0) & ~Q(level_unit=""),
                name="service_level_has_a_unit",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DailyUsage(models.Model):
    """What one organisation used of one service on one day (UTC). Sums only, so order is nothing.

    ``quantity`` is the sum of the quantities of the day's events: the use of a counter, the change
    of a level. ``area`` is the sum, over a level's changes, of change × microseconds to the day's
    end; so integral(day) = level at its start × 86 400 000 000 + area.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    service = models.ForeignKey(Service, on_delete=models.PROTECT)
    day = models.DateField()
    quantity = models.DecimalField(max_digits=60, decimal_places=12)
    area = models.DecimalField(max_digits=60, decimal_places=12)
    event_count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "service", "day"],
                name="one_row_per_organisation_service_day",
            )
        ]
        # The operator's overview reads a service's days of all organisations.
        indexes = [models.Index(fields=["service", "day"], name="dailyusage_service_day")]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.service_id} {self.day}"
