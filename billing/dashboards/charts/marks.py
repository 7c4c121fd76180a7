"""What is put on a chart afterwards: notes at days, and where its bars lead. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext

from billing.dashboards.numbers import page_language
from billing.dashboards.ranges import Range
from billing.invoicing.wording.numerals import money_around
from billing.periods import Days
from billing.pricing.currencies import minor_unit
from billing.templatetags.figures import without_year

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What happened on a day that explains its figures."""

    day: date
    text: str
    is_late: bool = False  # of events that came late, of which there may be some each day


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes by day, for a table; those few that are drawn, and a sentence for the many."""

    each: Sequence[Note] = ()
    drawn: Sequence[Note] = ()
    sentence: str = ""

    def on(self, days: Days) -> list[str]:
        """Return the texts of a day; of several, each with its day, and of late ones how many."""
        found = [note for note in self.each if days.first <= note.day < days.end]
        if len(days) == 1:
            return [note.text for note in found]
        texts = [f"{without_year(note.day)}: {note.text}" for note in found if not note.is_late]
        late = sum(note.is_late for note in found)
        return [*texts, late_on(late)] if late else texts


def late_on(count: int) -> str:
    text = gettext("Events came more than two days late on {count} of these days.")
    return text.format(count=count)


def with_notes(figure: Figure, notes: Sequence[Note], asked: Range) -> Figure:
    """Return the figure with a thin line and the notes' numbers where they are, for a list beside
    it. What a place has more than one of are beside each other.
    """
    layout, at = figure["layout"], defaultdict[str, list[tuple[int, Note]]](list)
    for number, note in enumerate(notes, start=1):
        at[asked.name_of(note.day)].append((number, note))
    return {
        **figure,
        "layout": {
            **layout,
            "shapes": [*layout["shapes"], *map(_line, at)],
            "annotations": [_numbers(x, some) for x, some in at.items()],
        },
    }


# In an address, where days are to stand: no query that was encoded has braces.
DAY, FIRST, LAST = "{day}", "{first}", "{last}"


@dataclass(frozen=True, slots=True)
class Links:
    """Where each place of a chart leads: the addresses differ in its days alone."""

    to: str  # with DAY in it, or FIRST and LAST

    def of(self, place: Days) -> str:
        first, last = f"{place.first}", f"{place.last}"
        return self.to.replace(DAY, first).replace(FIRST, first).replace(LAST, last)


def with_place_links(figure: Figure, links: Links, asked: Range) -> Figure:
    """Return the figure whose places lead somewhere. Of days, the script puts the addresses
    together.
    """
    if asked.grain != "day":
        names = zip(asked.names.values(), asked.places, strict=False)
        return with_links(figure, {name: links.of(place) for name, place in names})
    layout = figure["layout"]
    lead = {"to": links.to, "last": f"{asked.days.last}"}
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


def _line(at: str) -> Figure:
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


def _numbers(at: str, notes: Sequence[tuple[int, Note]]) -> Figure:
    """Return the notes' numbers; where there is room, the script writes their text in its place."""
    text = " · ".join(note.text for _, note in notes)
    return {
        "text": ", ".join(str(number) for number, _ in notes),
        "hovertext": text.replace("&", "&amp;").replace("<", "&lt;"),
        "x": at,
        "xref": "x",
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
    }
