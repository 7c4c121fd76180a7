import csv
import io
from decimal import Decimal

import plotly.graph_objects as go

from billing.migrating.showing import Compared, as_csv, differences_figure, totals

ROWS = [
    Compared("acme", "Acme", 3, Decimal("10.00"), Decimal("8.00")),
    Compared("bolt", '=HYPERLINK("http://x")', 3, Decimal("1.00"), Decimal("4.50")),
    Compared("cog", "<b>Cog</b>", 0, Decimal(0), Decimal(0)),
]


def test_totals_count_winners_and_losers():
    found = totals(ROWS)
    assert (found.then, found.new, found.difference) == (
        Decimal("11.00"),
        Decimal("12.50"),
        Decimal("1.50"),
    )
    assert (found.winners, found.losers, found.unchanged) == (1, 1, 1)


def test_the_chart_is_plotlys_and_shows_who_loses_most_on_top():
    figure = differences_figure(ROWS, currency="EUR")
    go.Figure(figure)
    assert figure["data"][0]["x"] == [-2.0, 0.0, 3.5]
    assert "&lt;b>Cog&lt;/b>" in figure["data"][0]["y"]


def test_no_cell_of_the_csv_is_a_formula():
    rows = list(csv.reader(io.StringIO(as_csv(ROWS, currency="EUR"))))
    assert rows[1] == ["acme", "Acme", "3", "EUR", "10.00", "8.00", "-2.00", "pays less"]
    assert rows[2][1].startswith("'=")
    assert [row[-1] for row in rows[2:]] == ["pays more", "the same"]
