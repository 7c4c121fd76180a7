"""How figures are written: units always, digits enough to compare, money by locale (Babel)."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from babel import Locale
from babel.numbers import get_decimal_symbol, get_group_symbol
from django import template
from django.utils.dateformat import format as format_date
from django.utils.translation import gettext, gettext_noop, override, pgettext

from billing.dashboards.metrics import Change
from billing.dashboards.numbers import is_money, page_language
from billing.exact import ROUNDING
from billing.invoicing.documents.written import PLACES_SHOWN
from billing.invoicing.models import Invoice
from billing.invoicing.wording.numerals import (
    exact_in,
    locale_of,
    money_around,
    money_in,
    number_in,
    price_in,
)
from billing.invoicing.wording.pen import Pen
from billing.invoicing.wording.phrases import service_called
from billing.periods import Days

register = template.Library()

NBSP = "\u00a0"
NOTHING = "–"
QUARTER = 92  # days, at most
SHORT_DAY = gettext_noop("j M")
LONG_DAY = gettext_noop("j M Y")
ONE = Decimal(1)
FIVE_DIGITS = Context(prec=5, rounding=ROUND_HALF_UP)
SCALES: dict[str, Sequence[tuple[Decimal, str]]] = {
    "GB": [
        (Decimal(10**6), "PB"),
        (Decimal(10**3), "TB"),
        (Decimal(1), "GB"),
        (Decimal("1e-3"), "MB"),
        (Decimal("1e-6"), "kB"),
    ],
    "GB·h": [
        (Decimal(10**9), "G GB·h"),
        (Decimal(10**6), "M GB·h"),
        (Decimal(10**3), "k GB·h"),
        (Decimal(1), "GB·h"),
    ],
    "h": [(Decimal(10**6), "M h"), (Decimal(1), "h")],
}


class Amount(NamedTuple):
    number: str
    unit: str

    def __str__(self) -> str:
        return f"{self.number}{NBSP}{self.unit}" if self.unit else self.number


def scale_for(largest: Decimal, unit: str) -> tuple[Decimal, str]:
    """Return the step that shows ``largest`` with few digits: its size and its name."""
    steps = SCALES.get(unit)
    if steps is None:
        return ONE, unit
    if not largest:
        return next(step for step in steps if step[0] == 1)
    size = abs(largest)
    for step in steps:
        if size >= step[0]:
            return step
    return steps[-1]


@register.filter
def amount(value: Decimal, unit: str) -> Amount:
    """Write a quantity with its unit: 9.84 TB, 5.21 M GB·h, 212 h 04 m."""
    return amount_in(page_language(), value, unit)


def amount_in(language: str, value: Decimal, unit: str) -> Amount:
    """Write it in a language: who writes hundreds asks once for the page's."""
    if unit == "h" and abs(value) < 10_000:
        return duration(language, value)
    return _headline(language, value, unit)


@register.filter
def headline(value: Decimal, unit: str) -> Amount:
    """Write a quantity as one number and one unit, for a big figure."""
    return _headline(page_language(), value, unit)


def _headline(language: str, value: Decimal, unit: str) -> Amount:
    if is_money(unit):
        return Amount(money_in(language, value, unit), "")
    value = FIVE_DIGITS.plus(value)  # so that 999.999 GB is 1 TB, not 1,000 GB
    size, name = scale_for(value, unit)
    scaled = value / size
    digits = 0 if abs(scaled) >= 1000 else 2 if scaled % 1 else 0
    return Amount(number_in(language, scaled, digits), name)


def duration(language: str, value: Decimal) -> Amount:
    minutes = int((abs(value) * 60).to_integral_value(ROUND_HALF_UP))
    sign = "−" if value < 0 and minutes else ""
    if minutes == 0:
        return Amount("0", "h")
    if minutes < 60:
        return Amount(f"{sign}{minutes}", "m")
    hours = minutes // 60
    whole = str(hours) if hours < 1000 else number_in(language, Decimal(hours), 0)
    return Amount(f"{sign}{whole}{NBSP}h{NBSP}{minutes % 60:02}", "m")


def signed_in(language: str, value: Decimal, unit: str) -> str:
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    return f"{sign}{amount_in(language, abs(value), unit)}"


@register.filter
def percent(change: Change | None) -> str:
    """Write a change with its sign: +2.4 %, −7.1 %, or that there was nothing before."""
    return NOTHING if change is None else percent_in(page_language(), change)


def percent_in(language: str, change: Change) -> str:
    if change.percent is None:
        return gettext("new") if change.now else NOTHING
    share = change.percent.quantize(Decimal("0.1"), context=ROUNDING)
    sign = "+" if share > 0 else "−" if share < 0 else "±"
    return f"{sign}{number_in(language, abs(share), 1)}{NBSP}%"


@register.filter
def money(value: Decimal, currency: str) -> str:
    return money_in(page_language(), value, currency)


@register.filter
def unit_price(value: Decimal | str, currency: str) -> str:
    """Write a price with every digit that it has: €0.000023."""
    return price_in(page_language(), Decimal(value), currency)


@register.filter
def exact(value: Decimal | str) -> str:
    """Write a number with every digit that it has, and no zeros after them."""
    return exact_in(page_language(), Decimal(value))


@register.filter
def rounded(value: Decimal) -> str:
    """Write a number with three places, one below 1 with as many digits: to be looked over."""
    return Pen(page_language(), "", PLACES_SHOWN).number(value)


def tick(value: float) -> str:
    """Write a tick of an axis, with six digits at most."""
    number = Decimal(f"{value:.6g}")
    return number_in(page_language(), number, len(f"{number:f}".partition(".")[2]))


def tick_in(value: float, unit: str) -> str:
    """Write it with its unit, or as money with the sign of its currency."""
    if not is_money(unit):
        return f"{tick(value)} {unit}"
    written = money_around(page_language(), tick(abs(value)), unit)
    return f"−{written}" if value < 0 else written


def tick_in_scale(value: float, unit: str) -> str:
    """Write it in a unit of SCALES, and from where the next one begins in that: 750 k, 1 M."""
    for steps in SCALES.values():
        for (larger, next_unit), (size, name) in pairwise(steps):
            if name == unit and abs(value) >= float(larger / size):
                own = next_unit.split(" ")[0] if " " in unit else next_unit
                return tick_in(value / float(larger / size), own)
    return tick_in(value, unit.split(" ")[0])


def separators() -> str:
    """Return the decimal and the thousands separator, as Plotly takes them."""
    return f"{get_decimal_symbol(_locale())}{get_group_symbol(_locale())}"


@register.filter
def period(invoice: Invoice) -> Days:
    return Days(invoice.starts_on, invoice.ends_on)


@register.filter
def span(days: Days) -> str:
    """Write days as people do: 1–23 Nov 2026."""
    first, last = days.first, days.last
    if first == last:
        return _with_year(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{_alone(first)}–{_with_year(last)}"
    start = without_year(first) if first.year == last.year else _with_year(first)
    return f"{start} – {_with_year(last)}"


@register.filter
def short_span(days: Days) -> str:
    """Write days without their year, 1–22 Oct, unless they are so many that one may ask for it."""
    if is_long(days):
        return span(days)
    first, last = days.first, days.last
    if first == last:
        return without_year(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{_alone(first)}–{without_year(last)}"
    return f"{without_year(first)} – {without_year(last)}"


@register.filter
def service(name: str) -> str:
    """Write a service's name, in the page's language if it comes with the platform."""
    return service_called(name, page_language())


@register.filter
def moment(at: datetime) -> str:
    """Write a moment to the minute, with its time zone."""
    return format_date(at, gettext("j M Y, H:i e"))


def _with_year(day: date) -> str:
    return day_in(page_language(), day, LONG_DAY)


def without_year(day: date) -> str:
    """Write a day as 5 Nov."""
    return day_in(page_language(), day, SHORT_DAY)


@register.filter
def day_among(day: date, days: Days) -> str:
    """Write one of some days: 5 Nov, or 5 Nov 2025 where they are many."""
    return _with_year(day) if is_long(days) else without_year(day)


def is_long(days: Days) -> bool:
    """Say if days are so many that one may ask of which year one of them is."""
    return len(days) > QUARTER


def _alone(day: date) -> str:
    return format_date(day, pgettext("a day whose month follows", "j"))


@lru_cache(maxsize=4096)
def day_in(language: str, day: date, pattern: str) -> str:
    """Write a day by a pattern of Django's, once for all the charts and tables that have it."""
    with override(language):
        return format_date(day, gettext(pattern))


@lru_cache(maxsize=64)
def each_of(language: str, days: Days) -> tuple[str, ...]:
    """Write each of some days as :func:`day_among` does, for all charts of a page."""
    pattern = LONG_DAY if is_long(days) else SHORT_DAY
    return tuple(day_in(language, day, pattern) for day in days)


@lru_cache(maxsize=64)
def spans_of(language: str, each: tuple[Days, ...]) -> tuple[str, ...]:
    """Write spans as :func:`span` does, for all charts of a page."""
    with override(language):
        return tuple(span(days) for days in each)


def _locale() -> Locale:
    return locale_of(page_language())
