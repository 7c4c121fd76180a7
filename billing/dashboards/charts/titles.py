"""What charts are called: by their metric, and what it comes to in each place. Pure."""

from django.utils.translation import gettext

from billing.dashboards.grains import DAY, MONTH, WEEK
from billing.dashboards.metrics import DISTINCT, LAST, MOST, SUM, Metric

COUNTS = (SUM, DISTINCT)  # of a week or a month as of a day


def title_of(metric: Metric, grain: str = DAY) -> str:
    return _pattern(metric, grain).format(name=metric.name)


def taken_away(metric: Metric, grain: str) -> str:
    """Return what a table calls a figure: of days that do not add up, what it is of them, too."""
    return metric.name if grain == DAY or metric.fold in COUNTS else title_of(metric, grain)


def _pattern(metric: Metric, grain: str) -> str:
    if grain == DAY:
        at_the_end = gettext("{name} at the end of each day")
        return at_the_end if metric.is_level else gettext("{name} per day")
    if metric.fold in COUNTS:
        return {WEEK: gettext("{name} per week"), MONTH: gettext("{name} per month")}[grain]
    if metric.fold == MOST:
        names = gettext("{name}, the most of each week"), gettext("{name}, the most of each month")
    elif metric.fold == LAST:
        names = gettext("{name}, the last of each week"), gettext("{name}, the last of each month")
    else:
        names = (
            gettext("{name}, average day of each week"),
            gettext("{name}, average day of each month"),
        )
    return names[grain == MONTH]
