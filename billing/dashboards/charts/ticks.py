"""Which places of an axis have a name below them, by how many of them fit. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import TypedDict

from billing.dashboards.grains import MONTH
from billing.periods import Days
from billing.templatetags.figures import SHORT_DAY, day_in, is_long

FITTING = {"few": 4, "some": 8, "many": 16}  # by the width: see the stylesheet
DAY_STEPS = (1, 2, 4, 7, 10, 14)
MONTH_STEPS = (1, 2, 3, 6, 12)
HOUR_STEPS = (1, 2, 3, 6, 12)
LONGEST_HOUR = len("00:00")  # where clocks change, an hour is named with its offset


class Ticks(TypedDict):
    """Places as the figure names them, and what is written at each."""

    at: Sequence[str]
    text: Sequence[str]


@lru_cache(maxsize=64)  # all charts of a page have the same
def of_days(language: str, days: Days) -> Mapping[str, Ticks]:
    """Return ticks for each width: some days after each other, or where there are many, months."""
    return {
        name: _of_some_days(language, days, most) or _of_months(language, days, most)
        for name, most in FITTING.items()
    }


def of_names(names: Sequence[str]) -> Mapping[str, Ticks]:
    """Return ticks for each width: always the newest, for a month and its year take room."""
    return {name: _of_names(names, most * 3 // 4) for name, most in FITTING.items()}


def of_hours(names: Sequence[str]) -> Mapping[str, Ticks]:
    """Return ticks for each width: hours as they stand on a clock's face, from midnight on."""
    is_longer = any(len(one) > LONGEST_HOUR for one in names)
    return {
        width: _of_hours(names, most // 2 if is_longer else most) for width, most in FITTING.items()
    }


def of_places(
    language: str, shown: Days, grain: str, names: Mapping[date, str]
) -> Mapping[str, Ticks]:
    """Return ticks of weeks and months for each width, by the first day of some of them."""
    has_years = shown.first.year != shown.last.year
    found = {}
    for width, most in FITTING.items():
        fit = most * 3 // 4 if grain == MONTH and has_years else most  # a year takes room
        firsts = list(names)[:: -(-len(names) // fit) or 1]
        text = (
            _names(language, firsts, has_years=has_years)
            if grain == MONTH
            else (day_in(language, day, SHORT_DAY) for day in firsts)
        )
        found[width] = Ticks(at=[names[day] for day in firsts], text=list(text))
    return found


def _of_names(names: Sequence[str], most: int) -> Ticks:
    step = -(-len(names) // most) or 1
    shown = list(names[::-step])[::-1]
    return {"at": shown, "text": shown}


def _of_hours(names: Sequence[str], most: int) -> Ticks:
    steps = ([one for one in names if int(one[:2]) % step == 0] for step in HOUR_STEPS)
    shown = next((some for some in steps if len(some) <= most), names[:1])
    return {"at": shown, "text": shown}


def _of_some_days(language: str, days: Days, most: int) -> Ticks | None:
    step = next((step for step in DAY_STEPS if len(days) / step <= most), None)
    if step is None or is_long(days):
        return None
    shown = list(days)[::step]
    return _ticks(shown, [day_in(language, day, SHORT_DAY) for day in shown])


def _of_months(language: str, days: Days, most: int) -> Ticks:
    """Return the starts of months, with the year where it is another than before."""
    starts = [day for day in days if day.day == 1]
    shown = next(
        (some for step in MONTH_STEPS if len(some := _every(starts, step)) <= most), starts[:most]
    )
    has_years = days.first.year != days.last.year
    return _ticks(shown, list(_names(language, shown, has_years=has_years)))


def _every(starts: Sequence[date], step: int) -> list[date]:
    return [day for day in starts if (day.month - 1) % step == 0]


def _names(language: str, starts: Sequence[date], *, has_years: bool) -> Iterator[str]:
    said = None
    for day in starts:
        yield day_in(language, day, "M Y" if has_years and day.year != said else "M")
        said = day.year


def _ticks(days: Sequence[date], text: Sequence[str]) -> Ticks:
    return {"at": [day.isoformat() for day in days], "text": text}
