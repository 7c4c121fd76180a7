"""What a simulation found, as a summary, a chart and a CSV. Pure."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.exact import ZERO, exactly
from billing.spreadsheets import cell

MOST_BARS = 40


@dataclass(frozen=True, slots=True)
class Compared:
    """One organisation: what its periods came to then, and would come to."""

    slug: str
    name: str
    periods: int
    then: Decimal
    new: Decimal

    @property
    def difference(self) -> Decimal:
        with exactly():
            return self.new - self.then


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all; who wins pays less."""

    then: Decimal
    new: Decimal
    winners: int
    losers: int
    unchanged: int

    @property
    def difference(self) -> Decimal:
        with exactly():
            return self.new - self.then


def totals(rows: Sequence[Compared]) -> Totals:
    with exactly():
        then = sum((row.then for row in rows), ZERO)
        new = sum((row.new for row in rows), ZERO)
    winners = sum(row.difference < 0 for row in rows)
    losers = sum(row.difference > 0 for row in rows)
    return Totals(then, new, winners, losers, len(rows) - winners - losers)


def differences_figure(rows: Sequence[Compared], *, currency: str) -> dict[str, Any]:
    """Return bars of the greatest differences, who loses most first; a plain Plotly dictionary."""
    greatest = sorted(rows, key=lambda row: (-abs(row.difference), row.slug))[:MOST_BARS]
    shown = sorted(greatest, key=lambda row: (row.difference, row.slug))
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": [_plain(row.name) for row in shown],
                "x": [float(row.difference) for row in shown],
                "hovertemplate": f"%{{y}}: %{{x:,.2f}} {currency}<extra></extra>",
            }
        ],
        "layout": {
            "showlegend": False,
            "xaxis": {"title": {"text": f"new less then, {currency}"}},
            "yaxis": {"type": "category", "automargin": True},
        },
    }


def as_csv(rows: Sequence[Compared], *, currency: str) -> str:
    """Return a table for spreadsheets, in which no cell is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["organisation", "name", "periods", "currency", "then", "new", "difference"])
    for row in rows:
        amounts = [f"{amount:f}" for amount in (row.then, row.new, row.difference)]
        writer.writerow([cell(row.slug), cell(row.name), row.periods, currency, *amounts])
    return out.getvalue()


def _plain(name: str) -> str:
    return name.replace("&", "&amp;").replace("<", "&lt;")
