"""What can be metered, and how its events are read."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from billing.metering import backlog, triggers

PATH = RegexValidator(
    r"^[^.\s]+(\.[^.\s]+)*\Z", "Name the field in the event's data, such as bytes or usage.bytes."
)


class Service(models.Model):
    """A billable metric: how the figure of a day, or of a period, comes of its events.

    Which events they are, definitions say. A level's figure is its integral over time, in quantity
    × microseconds; all others are in the unit of the quantity.
    """

    class Aggregation(models.TextChoices):
        SUM = "sum", "Sum"
        COUNT = "count", "Count"
        MAX = "max", "Maximum"
        LATEST = "latest", "Latest"
        UNIQUE_COUNT = "unique_count", "Unique count"
        LEVEL = "level", "Level over time"
        PEAK = "peak", "Peak of a level"

    # Their sums say it all: see fold.py. Of all others see slots.py.
    ADDITIVE = (Aggregation.SUM, Aggregation.COUNT, Aggregation.LEVEL)

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=1024, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    aggregation = models.CharField(
        max_length=20,
        choices=Aggregation.choices,
        help_text="What the events of a day or a month come to. "
        "Sum: their quantities added up. Count: how many events there were. "
        "Maximum: the greatest quantity. Latest: the quantity of the newest event, 0 where there "
        "was none. Unique count: how many different values there were, such as users. "
        "Level over time: each event changes a level, and each unit of it counts for as long as "
        "it is there, such as GB·h. Peak of a level: each event changes a level, and the highest "
        "that it stood at counts.",
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
            models.CheckConstraint(
                condition=Q(unit_size__gt=0),
                name="service_unit_is_positive",
                violation_error_message="The unit size must be above zero.",
            ),
            models.CheckConstraint(
                condition=~Q(aggregation="level")
                | Q(level_unit_size__isnull=False, level_unit_size__gt=0) & ~Q(level_unit=""),
                name="service_level_has_a_unit",
                violation_error_message="A level over time has a level unit, such as GB, and a "
                "level unit size above zero.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_level(self) -> bool:
        return self.aggregation == self.Aggregation.LEVEL

    @property
    def is_additive(self) -> bool:
        return self.aggregation in self.ADDITIVE


class Definition(models.Model):
    """From a moment on, which events a service counts, and where their quantity is.

    It lasts until the next one of the service starts. It never changes, for figures rest on it.
    """

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="definitions")
    starts_at = models.DateTimeField(
        help_text="Events of this moment and later are counted so, whenever they arrive."
    )
    event_types = ArrayField(
        models.CharField(max_length=500),
        blank=True,
        help_text="The CloudEvents types that count, by commas. None: from then on it counts "
        "nothing.",
    )
    quantity_path = models.CharField(
        max_length=200,
        blank=True,
        validators=[PATH],
        help_text="Where in the event's data the quantity is, such as bytes or usage.bytes. "
        "A count needs none; of a unique count it is where the value is that is told apart, "
        "a text or a number, such as user.id.",
    )
    allows_negative = models.BooleanField(
        default=False,
        help_text="Whether a quantity may be negative; a change of a level always may.",
    )

    class Meta:
        ordering = ["service", "-starts_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "starts_at"], name="one_definition_starts_at_a_moment"
            ),
        ]
        triggers = [triggers.DEFINITION_IS_FIXED, backlog.NOTED]

    def __str__(self) -> str:
        text = gettext("{service} from {moment} UTC")
        return text.format(service=self.service, moment=f"{self.starts_at:%Y-%m-%d %H:%M}")


class Dimension(models.Model):
    """A field of the event's data to group a service's usage by, such as its region."""

    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="dimensions")
    name = models.SlugField()
    path = models.CharField(max_length=200, validators=[PATH])
    at_most = models.PositiveIntegerField(
        default=100,
        help_text="How many values of an organisation are told apart: the first ones that come. "
        "All others count together.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["definition", "name"], name="dimension_is_named_once")
        ]
        triggers = [triggers.DIMENSION_IS_FIXED]

    def __str__(self) -> str:
        return self.name
