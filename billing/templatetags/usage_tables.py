"""The rows of tables beside charts: hundreds on a page, so no template writes them.

What is written is the same as a loop in the template would write, in a fifth of its time.
"""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from django import template
from django.utils.dateformat import format as format_date
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from billing.dashboards.panels import Panel, Row
from billing.dashboards.state import State
from billing.templatetags.figures import NOTHING, amount, money

register = template.Library()


@register.simple_tag
def usage_rows(panel: Panel, state: State, currency: str) -> SafeString:
    """Write the rows of days, with the columns that the panel's table has."""
    return format_html_join("\n", "<tr>{}{}{}</tr>", _rows(panel, state, currency))


def _rows(
    panel: Panel, state: State, currency: str
) -> Iterator[tuple[SafeString, SafeString, SafeString | str]]:
    language = get_language() or "en"
    for row in panel.rows:
        yield (
            format_html(
                '<th scope="row"><a href="{}">{}</a></th>', row.link, _name(row.day, language)
            ),
            format_html_join(
                "", '<td class="n">{}</td>', ((one,) for one in _cells(panel, row, state, currency))
            ),
            format_html("<td>{}</td>", " · ".join(row.notes)) if panel.notes.each else "",
        )


def _cells(panel: Panel, row: Row, state: State, currency: str) -> Iterator[str]:
    unit = panel.metric.unit
    for value in row.values if panel.by else ():
        yield str(amount(value, unit))
    yield str(amount(row.total, unit))
    if panel.has_costs:
        yield NOTHING if row.cost is None else money(row.cost, currency)
    if state.is_compared:
        yield NOTHING if row.before is None else str(amount(row.before, unit))


@lru_cache(maxsize=4096)
def _name(day: date, language: str) -> str:
    """Write a day in a language, once for all charts."""
    return format_date(day, gettext("D j M Y"))
