"""What is put on a chart afterwards: notes at days, and where its bars lead. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from billing.dashboards.numbers import money_around, page_language
from billing.pricing.currencies import minor_unit

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What happened on a day that explains its figures."""

    day: date
    text: str


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes by day, for a table; those few that are drawn, and a sentence for the many."""

    each: Sequence[Note] = ()
    drawn: Sequence[Note] = ()
    sentence: str = ""

    def on(self, day: date) -> list[str]:
        return [note.text for note in self.each if note.day == day]


def with_notes(figure: Figure, notes: Sequence[Note]) -> Figure:
    """Return the figure with a thin line and a number at each day, for a list beside it."""
    layout = figure["layout"]
    places = list(enumerate(notes, start=1))
    return {
        **figure,
        "layout": {
            **layout,
            "shapes": [*layout["shapes"], *(_line(note.day) for _, note in places)],
            "annotations": [_number(number, note) for number, note in places],
        },
    }


DAY = "{day}"  # in an address, where the day is to stand: no query that was encoded has braces


@dataclass(frozen=True, slots=True)
class DayLinks:
    """Where each day leads, up to ``last``: the addresses differ in the day alone."""

    to: str  # with DAY in it
    last: date

    def of(self, day: date) -> str:
        return self.to.replace(DAY, day.isoformat())


def with_day_links(figure: Figure, links: DayLinks) -> Figure:
    """Return the figure whose days lead somewhere; the script puts the addresses together."""
    layout = figure["layout"]
    lead = {"to": links.to, "last": links.last.isoformat()}
    return {**figure, "layout": {**layout, "meta": {**layout["meta"], "lead": lead}}}


def with_links(figure: Figure, links: Mapping[str, str]) -> Figure:
    """Return the figure whose bars lead somewhere, by their place on the axis."""
    layout = figure["layout"]
    return {**figure, "layout": {**layout, "meta": {**layout["meta"], "links": dict(links)}}}


def with_costs(figure: Figure, costs: Sequence[Decimal], currency: str) -> Figure:
    """Return the figure whose first trace says what each of its days cost."""
    first, *others = figure["data"]
    digits = -int(minor_unit(currency).as_tuple().exponent)
    written = money_around(page_language(), f"%{{customdata:,.{digits}f}}", currency)
    hover = first["hovertemplate"].replace("<extra>", f" · {written}<extra>")
    each = [float(cost) for cost in costs]
    return {**figure, "data": [{**first, "customdata": each, "hovertemplate": hover}, *others]}


def _line(day: date) -> Figure:
    at = day.isoformat()
    return {
        "name": "note",
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "line": {"width": 1},
    }


def _number(number: int, note: Note) -> Figure:
    """Return the note's number; where there is room, the script writes its text in its place."""
    return {
        "text": str(number),
        "hovertext": note.text.replace("&", "&amp;").replace("<", "&lt;"),
        "x": note.day.isoformat(),
        "xref": "x",
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
    }
