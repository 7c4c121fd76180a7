"""What the screens show, and how it comes of the daily tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

from django.utils.translation import gettext, gettext_noop

from billing.metering.models import Service

At = TypeVar("At")


class Figured(Protocol):
    """What a service came to over some time, in its raw unit, and where a level stood then."""

    @property
    def figure(self) -> Decimal: ...
    @property
    def level(self) -> Decimal: ...


# What several days come to: their sum; or of what is no sum, such as a level, something else. What
# is different in all of them together is counted by itself: see usage/distinct.py.
SUM, MEAN, MOST, LAST, DISTINCT = "sum", "mean", "most", "last", "distinct"
_FOLDS: Mapping[str, str] = {
    Service.Aggregation.MAX: MOST,
    Service.Aggregation.PEAK: MOST,
    Service.Aggregation.LATEST: LAST,
    Service.Aggregation.UNIQUE_COUNT: MEAN,  # what came on two days would count twice
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a service; ``label`` is its name in English, or as an operator called it."""

    slug: str
    label: str
    service: str
    unit: str
    is_level: bool
    fold: str = SUM

    @property
    def name(self) -> str:
        return gettext(self.label) if self.slug in METRICS else self.label

    @property
    def is_distinct(self) -> bool:
        """Say whether places count what is different in each: see _FOLDS."""
        return self.fold == DISTINCT or (self.fold == MEAN and not self.is_level)

    def of(self, row: Figured, service: Service) -> Decimal:
        """Return the row's figure in the metric's unit."""
        return self.of_each({None: row}, service)[None]

    def of_each(self, rows: Mapping[At, Figured], service: Service) -> dict[At, Decimal]:
        """Return the figure of each of many rows, such as days, in the metric's unit."""
        if self.is_level:
            size = service.level_unit_size or Decimal(1)
            return {at: row.level / size for at, row in rows.items()}
        size = service.unit_size
        return {at: row.figure / size for at, row in rows.items()}


GB_HOURS = Metric(
    "gb-hours", gettext_noop("GB-hours"), service="storage", unit="GB·h", is_level=False
)
STORED = Metric(
    "stored", gettext_noop("Stored"), service="storage", unit="GB", is_level=True, fold=MEAN
)
EXECUTION = Metric(
    "execution", gettext_noop("Execution time"), "execution-time", unit="h", is_level=False
)

METRICS: Mapping[str, Metric] = {m.slug: m for m in (GB_HOURS, STORED, EXECUTION)}


def metric_of(service: Service) -> Metric:
    """Return the metric that shows a service which an operator defined, by its own figure."""
    fold = _FOLDS.get(service.aggregation, SUM)
    return Metric(service.slug, service.name, service.slug, service.unit, is_level=False, fold=fold)


UNSEEN = Decimal("0.05")  # percent: rounds to 0.0, so it is no change to the eye


@dataclass(frozen=True, slots=True)
class Change:
    """A figure beside the one that it is compared with."""

    now: Decimal
    before: Decimal

    @property
    def difference(self) -> Decimal:
        return self.now - self.before

    @property
    def percent(self) -> Decimal | None:
        """None where nothing was before: no number says how much more than nothing it is."""
        return 100 * self.difference / self.before if self.before else None

    @property
    def direction(self) -> str:
        return _direction(self)


@dataclass(frozen=True, slots=True)
class Earned(Change):
    """A change as it looks to who earns it: the colour of what is less stands for more."""

    @property
    def direction(self) -> str:
        return {"more": "less", "less": "more"}.get(_direction(self), "same")


def _direction(change: Change) -> str:
    if change.difference == 0 or (change.percent and abs(change.percent) < UNSEEN):
        return "same"
    return "more" if change.difference > 0 else "less"
