"""The figures of the charts of a page, as a table to take away. Pure."""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from io import StringIO

from billing.dashboards.charts.titles import taken_away
from billing.dashboards.usage.panels import Panel, Row
from billing.exact import plain
from billing.periods import iso
from billing.spreadsheets import cell

COLUMNS = ["metric", "group", "quantity", "unit", "cost", "currency", "before", "notes"]


def as_csv(panels: Iterable[Panel], *, first: str, currency: str) -> str:
    """Return a row for each place of each chart, after those of the groups that it is made of.

    ``first`` names the column of places: days, weeks or months.

    Quantities are in the unit of the chart, with all their digits.
    """
    text = StringIO()
    table = csv.writer(text)
    table.writerow([first, *COLUMNS])
    for panel in panels:
        for row in panel.rows:
            table.writerows(_rows(panel, row, currency))
    return text.getvalue()


def _rows(panel: Panel, row: Row, currency: str) -> Iterator[list[str]]:
    name = cell(taken_away(panel.metric, panel.state.range.grain))
    unit = cell(panel.metric.unit)
    if panel.by:
        for series, value in zip(panel.series, row.values, strict=True):
            yield [iso(row.place), name, cell(series.name), plain(value), unit, "", "", "", ""]
    money = [_number(row.cost), currency if row.cost is not None else ""]
    notes = cell("; ".join(row.notes))
    yield [iso(row.place), name, "", plain(row.total), unit, *money, _number(row.before), notes]


def _number(value: Decimal | None) -> str:
    return "" if value is None else plain(value)
