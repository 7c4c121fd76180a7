"""An export as an answer: what all of them have in common. ``?format=`` is csv, or parquet."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from billing.dashboards.ranges import require_range
from billing.exports.files import Table, as_csv, as_parquet
from billing.periods import Days

CSV, PARQUET = "csv", "parquet"


class UnknownFormat(ValueError):
    """There is no file of this kind. The message says which there are, to a person."""


def read_format(asked: Mapping[str, str]) -> str:
    """Return what ``?format=`` asks for, else CSV. Raises UnknownFormat."""
    found = asked.get("format", CSV)
    if found not in (CSV, PARQUET):
        raise UnknownFormat("This is to be had as csv and as parquet.")
    return found


def read_days(asked: Mapping[str, str], *, today: date) -> Days:
    """Return the days that are asked for as pages are. Raises BadRange."""
    return require_range(asked, today=today).days


def answer(rows: Iterable[Any], table: Table, *, name: str, form: str) -> HttpResponseBase:
    """Return rows as a file to save."""
    if form == PARQUET:
        return FileResponse(
            as_parquet(rows, table),
            as_attachment=True,
            filename=f"{name}.parquet",
            content_type="application/vnd.apache.parquet",
        )
    return StreamingHttpResponse(
        as_csv(rows, table),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
