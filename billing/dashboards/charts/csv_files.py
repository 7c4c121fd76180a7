"""The figures of charts as a table to take away, as their pages have them."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO

from django.http import HttpResponse

from billing.exact import plain
from billing.spreadsheets import cell


@dataclass(frozen=True, slots=True)
class Place:
    """A bar of a chart, such as a day: the values of its groups, their sum, and that before."""

    name: str
    values: Sequence[Decimal]
    total: Decimal
    before: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A chart. What is not divided into groups has one at most, which is the sum."""

    metric: str
    unit: str
    groups: Sequence[str]
    places: Iterable[Place]


def written(first: str, charts: Iterable[Taken]) -> str:
    """Return a row for each place of each chart, after those of the groups that it is made of.

    ``first`` names the column of places. Quantities have all their digits. Pure.
    """
    text = StringIO()
    table = csv.writer(text)
    table.writerow([first, "metric", "group", "quantity", "unit", "before"])
    for chart in charts:
        name, unit = cell(chart.metric), cell(chart.unit)
        groups = [cell(one) for one in chart.groups] if len(chart.groups) > 1 else []
        for place in chart.places:
            for group, value in zip(groups, place.values, strict=False):
                table.writerow([place.name, name, group, plain(value), unit, ""])
            before = "" if place.before is None else plain(place.before)
            table.writerow([place.name, name, "", plain(place.total), unit, before])
    return text.getvalue()


def download(text: str, *, name: str) -> HttpResponse:
    """Answer with a table as a file of this name."""
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
