"""What a simulation found, as a summary, a chart and a CSV. Pure."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext, gettext_noop

from billing.exact import ZERO, exactly
from billing.spreadsheets import cell

LONGEST = 32  # letters of a name beside its bar
MOST_BARS = 40
COLUMNS = ("organisation", "name", "periods", "currency")


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

    @property
    def outcome(self) -> str:
        """Say what the new version would have been to them: in English, for the CSV is data."""
        if not self.difference:
            return gettext_noop("the same")
        return gettext_noop("pays less") if self.difference < 0 else gettext_noop("pays more")


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
    title = gettext("new less then, {currency}").format(currency=currency)
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
            "xaxis": {"title": {"text": title}},
            "yaxis": {
                "type": "category",
                "automargin": True,
                "tickvals": [_plain(row.name) for row in shown],
                "ticktext": [_plain(_short(row.name)) for row in shown],
            },
        },
    }


def as_csv(rows: Sequence[Compared], *, currency: str) -> str:
    """Return a table for spreadsheets, in which no cell is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, "then", "new", "difference", "outcome"])
    for row in rows:
        amounts = [f"{amount:f}" for amount in (row.then, row.new, row.difference)]
        name = cell(row.slug), cell(row.name)
        writer.writerow([*name, row.periods, currency, *amounts, row.outcome])
    return out.getvalue()


def when_in_words(
    *, starts_on: date | None, keep_until: date | None, keeps_own_prices: bool
) -> str:
    """Say when each customer of a migration moves, and what stays as it is for them."""
    when = _when(starts_on, keep_until)
    if keeps_own_prices:
        return gettext("{when} Prices of their own stay in force.").format(when=when)
    return gettext("{when} Prices of their own end then.").format(when=when)


def _when(starts_on: date | None, keep_until: date | None) -> str:
    if starts_on:
        said = gettext("All of them move on {day}, which divides the period of that day.")
        return said.format(day=starts_on)
    if keep_until:
        said = gettext(
            "Each moves with the first billing period of its own that starts on "
            "{day} or later; until then it stays where it is."
        )
        return said.format(day=keep_until)
    return gettext("Each moves with its next billing period.")


def _short(name: str) -> str:
    """Cut what would take the bars' room: the table has all of it."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _plain(name: str) -> str:
    return name.replace("&", "&amp;").replace("<", "&lt;")
