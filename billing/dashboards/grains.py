"""How long each place of a chart is: a day, a week or a month; and what days come to in it. Pure.

Weeks begin on Monday. At the edges of a range there may be a part of a week or a month: it is of
those days alone, and its name says so.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

from django.utils.translation import gettext, pgettext

from billing.dashboards.metrics import LAST, MOST, SUM
from billing.exact import ROUNDING, ZERO, exactly
from billing.periods import ONE_DAY, Days, month_of, written
from billing.templatetags.figures import day_in, is_long, short_span, span

DAY, WEEK, MONTH = "day", "week", "month"
GRAINS = (DAY, WEEK, MONTH)
MOST_BY_DAY, MOST_BY_WEEK = 93, 190  # days: three months, and six

Values = Mapping[date, Decimal]


def choices() -> dict[str, str]:
    """Return the grains by their names, as something to choose."""
    return {
        DAY: pgettext("what a bar is of", "Day"),
        WEEK: pgettext("what a bar is of", "Week"),
        MONTH: pgettext("what a bar is of", "Month"),
    }


def grain_for(days: Days) -> str:
    """Return the grain of which a phone has room for all the bars."""
    if len(days) <= MOST_BY_DAY:
        return DAY
    return WEEK if len(days) <= MOST_BY_WEEK else MONTH


@lru_cache(maxsize=64)
def places_of(days: Days, grain: str) -> tuple[Days, ...]:
    """Return days one by one, or by week or month; the first and the last may be parts of one."""
    if grain == DAY:
        return tuple(Days(day, day + ONE_DAY) for day in days)
    places, first = [], days.first
    while first < days.end:
        end = min(_around(first, grain).end, days.end)
        places.append(Days(first, end))
        first = end
    return tuple(places)


def beside(shown: Days, before: Days, grain: str) -> Sequence[Days]:
    """Return the days before that each place is compared with, as far as there are any.

    They are as many days as the place has; months beside months where both ranges begin with one.
    """
    places = places_of(shown, grain)
    if grain == DAY or (grain == MONTH and shown.first.day == before.first.day == 1):
        return places_of(before, grain)[: len(places)]
    back = shown.first - before.first
    return [
        Days(place.first - back, min(place.end - back, before.end))
        for place in places
        if place.first - back < before.end
    ]


def folded(values: Values, places: Sequence[Days], fold: str) -> Values:
    """Return what values come to in each place, by its first day; nothing where there is none."""
    if places and all(place.end - place.first == ONE_DAY for place in places):
        return {place.first: values[place.first] for place in places if place.first in values}
    found = {}
    for place in places:
        if each := [values[day] for day in place if day in values]:
            found[place.first] = _folded(each, len(place), fold)
    return found


def _folded(each: Sequence[Decimal], days: int, fold: str) -> Decimal:
    if fold == MOST:
        return max(each)
    if fold == LAST:
        return each[-1]
    with exactly():
        total = sum(each, ZERO)
    return total if fold == SUM else ROUNDING.divide(total, days)


@lru_cache(maxsize=64)
def names_of(language: str, shown: Days, grain: str, today: date | None) -> Mapping[date, str]:
    """Return what the axis calls each place, by its first day: days as ISO 8601 writes them.

    Names differ from each other. ``today`` is a day that is not over, in whose place it is noted.
    """
    places = places_of(shown, grain)
    if grain == DAY:
        return dict(zip(shown, written(shown), strict=True))
    return {one.first: _name(language, one, shown, grain, today) for one in places}


def _name(language: str, place: Days, shown: Days, grain: str, today: date | None) -> str:
    """Write it in the language, which is the page's."""
    is_whole = place == _around(place.first, grain)
    if is_whole and grain == MONTH:
        name = day_in(language, place.first, "M Y")
    else:
        name = span(place) if is_long(shown) else short_span(place)
    notes = []
    if not is_whole:
        notes.append(gettext("part of a week") if grain == WEEK else gettext("part of a month"))
    if today and place.first <= today < place.end:
        notes.append(gettext("so far"))
    return f"{name} ({', '.join(notes)})" if notes else name


def _around(day: date, grain: str) -> Days:
    """Return the week or the month that a day lies in."""
    if grain == MONTH:
        return month_of(day)
    monday = day - ONE_DAY * day.weekday()
    return Days(monday, monday + ONE_DAY * 7)
