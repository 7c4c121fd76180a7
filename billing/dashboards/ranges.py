"""The days that a page shows, read from its address, and the days that they are compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.utils.translation import gettext, gettext_noop

from billing.dashboards.grains import DAY, GRAINS, beside, grain_for, names_of, places_of
from billing.dashboards.grains import choices as grains
from billing.dashboards.numbers import page_language
from billing.invoicing.charging.schedule import Cycle, months_later
from billing.periods import ONE_DAY, Days, month_before, month_of

MONTHLY = Cycle()  # the billing periods of who has no others
PERIODS = {  # of an organisation's own billing periods, where these are not the months
    "this-period": gettext_noop("This period"),
    "last-period": gettext_noop("Last period"),
}
PRESETS = {
    "this-month": gettext_noop("This month"),
    "last-month": gettext_noop("Last month"),
    "7d": gettext_noop("Last 7 days"),
    "30d": gettext_noop("Last 30 days"),
    "90d": gettext_noop("Last 90 days"),
    "3m": gettext_noop("Last 3 months"),  # which are over, as the last one is
    "6m": gettext_noop("Last 6 months"),
    "12m": gettext_noop("Last 12 months"),
}
DEFAULT = "this-month"
OFF = "off"  # of ?compare=
MOST_DAYS = 732
EARLIEST = date(2000, 1, 1)


class BadRange(ValueError):
    """The address asks for days that cannot be shown; the message says why, to a person."""


@dataclass(frozen=True, slots=True)
class Range:
    """What was asked for, and what follows from it.

    Only whole days are compared, as many on either side: today is not over, and months differ in
    length. Both are None while there is no whole day.
    """

    preset: str  # empty for days of one's own choice
    days: Days  # what is added up; today at the latest
    shown: Days  # the axis of a chart: this month goes on to its end
    before: Days  # the period before, drawn day by day beside this one
    whole: Days | None  # of the days that are added up, those that are over
    compared: Days | None
    compared_with: Days | None
    message: str = ""
    is_compared: bool = True  # else the period before is not shown at all
    grain: str = DAY  # of the places of charts: see grains.py

    @property
    def name(self) -> str:
        return gettext({**PERIODS, **PRESETS}.get(self.preset, gettext_noop("Chosen days")))

    @property
    def is_running(self) -> bool:
        """Whether it goes on: a month or a period that today lies in."""
        return self.days.end < self.shown.end or self.preset in ("this-month", "this-period")

    @property
    def read(self) -> Days:
        """Everything that a chart needs: the period before and this one, without a gap."""
        return Days(self.before.first, self.days.end)

    @property
    def places(self) -> Sequence[Days]:
        """The days, weeks or months that are added up, which are the first of those shown."""
        return places_of(self.days, self.grain)

    @property
    def shown_places(self) -> Sequence[Days]:
        return places_of(self.shown, self.grain)

    @property
    def before_places(self) -> Sequence[Days]:
        """What each of those shown is compared with, as far as there are any."""
        return beside(self.shown, self.before, self.grain)

    @property
    def names(self) -> Mapping[date, str]:
        """What the axis of a chart calls each of those shown, by its first day."""
        is_today_shown = self.whole is None or self.whole.end < self.days.end
        today = self.days.last if is_today_shown else None
        return names_of(page_language(), self.shown, self.grain, today)

    @property
    def grain_name(self) -> str:
        return grains()[self.grain]

    def name_of(self, day: date) -> str:
        """Return what the axis calls the place that one of the days shown lies in."""
        return self.names[max(first for first in self.names if first <= day)]

    def by(self, grain: str) -> "Range":
        """Return the same days, in places of a grain; of one that is unknown, of what has room."""
        return replace(self, grain=grain if grain in GRAINS else grain_for(self.shown))

    def alone(self) -> "Range":
        """Return the same days, compared with nothing."""
        return replace(self, is_compared=False, compared=None, compared_with=None)


def presets_of(cycle: Cycle, *, today: date) -> dict[str, str]:
    """Return what there is to choose: months are named by their own name alone."""
    is_month = cycle.period_of(today) == month_of(today)
    names = PRESETS if is_month else {**PERIODS, **PRESETS}
    return {slug: gettext(name) for slug, name in names.items()}


def read_range(
    asked: Mapping[str, str], *, today: date, cycle: Cycle = MONTHLY, default: str = DEFAULT
) -> Range:
    """Return the range that ``?from=&to=`` or ``?range=`` asks for, or the default, and why."""
    try:
        return require_range(asked, today=today, cycle=cycle, default=default)
    except BadRange as bad:
        shown = _preset(default, today=today, cycle=cycle)
        return replace(
            shown,
            message=gettext("{why} {range} is shown instead.").format(why=bad, range=shown.name),
        )


def require_range(
    asked: Mapping[str, str], *, today: date, cycle: Cycle = MONTHLY, default: str = DEFAULT
) -> Range:
    """Return the range that is asked for, for what shows no other. Raises BadRange."""
    if asked.get("from") or asked.get("to"):
        return _chosen(asked.get("from", ""), asked.get("to", ""), today=today)
    return _preset(asked.get("range") or default, today=today, cycle=cycle)


def _preset(name: str, *, today: date, cycle: Cycle = MONTHLY) -> Range:
    if name in PERIODS:
        return _period(name, cycle, today=today)
    month = month_of(today)
    if name == "this-month":
        days = Days(month.first, today + ONE_DAY)
        return _range(name, days, shown=month, before=month_before(month), today=today)
    if name == "last-month":
        last = month_before(month)
        return _range(name, last, shown=last, before=month_before(last), today=today)
    if name in PRESETS and name.endswith("m"):
        return _months(name, int(name.removesuffix("m")), end=month.first, today=today)
    if name in PRESETS:
        length = int(name.removesuffix("d"))
        return _rolling(name, Days(today - ONE_DAY * (length - 1), today + ONE_DAY), today=today)
    raise BadRange(gettext("There is no range called “{name}”.").format(name=name[:40]))


def _period(name: str, cycle: Cycle, *, today: date) -> Range:
    running = cycle.period_of(today)
    last = cycle.period_of(running.first - ONE_DAY)
    if name == "this-period":
        days = Days(running.first, today + ONE_DAY)
        return _range(name, days, shown=running, before=last, today=today)
    before = cycle.period_of(last.first - ONE_DAY)
    return _range(name, last, shown=last, before=before, today=today)


def _months(name: str, count: int, *, end: date, today: date) -> Range:
    first, before = months_later(end, -count), months_later(end, -2 * count)
    days = Days(first, end)
    return _range(name, days, shown=days, before=Days(before, first), today=today)


def _chosen(first: str, last: str, *, today: date) -> Range:
    start, end = _date(first), min(_date(last), today) + ONE_DAY
    if start < EARLIEST:
        raise BadRange(gettext("There are no figures before {year}.").format(year=EARLIEST.year))
    if start > today:
        raise BadRange(gettext("{day} is in the future.").format(day=start))
    if end <= start:
        raise BadRange(gettext("The first day must not come after the last one."))
    days = Days(start, end)
    if len(days) > MOST_DAYS:
        raise BadRange(gettext("At most {count} days fit on a page.").format(count=MOST_DAYS))
    if days == month_of(start):
        return _range("", days, shown=days, before=month_before(days), today=today)
    return _rolling("", days, today=today)


def _rolling(preset: str, days: Days, *, today: date) -> Range:
    before = Days(days.first - ONE_DAY * len(days), days.first)
    return _range(preset, days, shown=days, before=before, today=today)


def _range(preset: str, days: Days, *, shown: Days, before: Days, today: date) -> Range:
    whole = Days(days.first, min(days.end, today)) if days.first < today else None
    count = min(len(whole), len(before)) if whole else 0
    return Range(
        preset=preset,
        days=days,
        shown=shown,
        before=before,
        whole=whole,
        compared=Days(days.first, days.first + ONE_DAY * count) if count > 0 else None,
        compared_with=Days(before.first, before.first + ONE_DAY * count) if count > 0 else None,
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadRange(
            gettext("“{text}” is not a date such as 2026-11-30.").format(text=text[:40])
            if text
            else gettext("A date is missing.")
        ) from error
