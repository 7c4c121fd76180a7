"""Charts before their script: pure, drawn from the figures that Plotly gets."""

import re
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.dashboards.charts.drawing import Figure, Series, daily_bars, daily_level, period_bars
from billing.dashboards.charts.forecast import Expected
from billing.dashboards.charts.marks import Note, Notes, with_notes
from billing.dashboards.charts.still import still
from billing.dashboards.overview.chart import as_lines
from billing.dashboards.ranges import PRESETS, read_range
from billing.periods import Days

TODAY = date(2026, 11, 23)
MONTH = read_range({}, today=TODAY)
ONE = Expected(value=Decimal(4), low=Decimal(3), high=Decimal(5))

values = st.dictionaries(
    st.dates(min_value=date(2026, 8, 1), max_value=TODAY),
    st.decimals(min_value=-(10**12), max_value=10**12, places=6),
    max_size=9,
)


def bars(*series: Series, preset: str = "this-month", **more) -> Figure:
    asked = read_range({"range": preset}, today=TODAY)
    return daily_bars(asked=asked, series=series, before={}, unit="GB·h", today=TODAY, **more)


def paths(figure: Figure) -> dict[str, str]:
    """Return what is drawn, by its look."""
    drawn = ElementTree.fromstring(still(figure)).iter("path")
    return {path.attrib["class"]: path.attrib["d"] for path in drawn}


@settings(deadline=None, max_examples=30)
@given(ours=values, others=values, preset=st.sampled_from(list(PRESETS)))
def test_every_figure_is_drawn_inside_its_square(ours, others, preset):
    figure = bars(Series("Acme", ours, 0), Series("All others", others, 6), preset=preset)
    for one in (figure, as_lines(figure)):
        for path in paths(one).values():
            assert all(
                -1 <= float(number) <= 1001
                for number in re.findall(r"[-.\d]+", path)
                if "-" not in number
            )


def test_bars_of_a_day_stand_on_each_other_and_today_is_paler():
    day = {date(2026, 11, 1): Decimal(1), TODAY: Decimal(1)}
    drawn = paths(bars(Series("Acme", day, 0), Series("Globex", day, 1)))
    base = re.findall(r"^M[\d.]+ (\d+)h", drawn["bars s1"])
    top = re.findall(r"^M[\d.]+ \d+h[\d.]+V(\d+)", drawn["bars s0"])
    assert base == top != []
    assert drawn["bars s0 pale"].count("M") == 1


def test_what_bars_come_to_is_told_and_not_drawn():
    day = {TODAY: Decimal(1)}
    drawn = paths(bars(Series("Acme", day, 0), Series("Globex", day, 1)))
    assert {look for look in drawn if "line" in look or "sum" in look} == set()


def test_what_takes_off_hangs_below_zero():
    first = date(2026, 10, 1)
    cost, credit = Series("Storage", {first: Decimal(9)}), Series("Credit", {first: Decimal(-4)}, 5)
    figure = period_bars(
        periods=[(first, "Oct 2026")], series=[cost, credit], unit="EUR", is_running=False
    )
    [(start, end)] = re.findall(r"^M[\d.]+ (\d+)h[\d.]+V(\d+)", paths(figure)["bars s5"])
    assert int(end) > int(start)


def test_names_of_periods_leave_each_other_room_on_a_phone():
    periods = [(date(2026, month, 1), f"Month {month}") for month in range(1, 13)]
    drawn = still(period_bars(periods=periods, series=[], unit="EUR", is_running=False))
    [few] = re.findall(r'<g class="few">(.*?)</g>', drawn)
    assert re.findall(r">([^<]+)</text>", few) == ["Month 4", "Month 8", "Month 12"]


def test_one_day_alone_is_a_dot_and_what_is_to_come_a_band():
    single = daily_level(
        asked=read_range({"from": "2026-11-02", "to": "2026-11-02"}, today=TODAY),
        series=Series("Stored", {date(2026, 11, 2): Decimal(3)}),
        before={},
        unit="GB",
    )
    assert "line dot s1" in paths(single)
    to_come = {date(2026, 11, 24): ONE, date(2026, 11, 25): ONE}
    drawn = paths(bars(Series("Acme", {TODAY: Decimal(3)}), to_come=to_come))
    assert {"to-come", "band", "expected"} <= set(drawn)


def test_names_are_text_not_markup():
    note = Note(TODAY, "<b>Plan & all")
    figure = with_notes(bars(Series("Acme", {TODAY: Decimal(3)})), [note], MONTH)
    assert "&lt;b&gt;Plan &amp; all" in still(figure)
    assert "<b>" not in still(figure)


def test_weeks_have_their_notes_and_what_is_to_come_in_their_places():
    weeks = MONTH.by("week")
    figure = daily_bars(
        asked=weeks,
        series=[Series("Acme", {place.first: ONE.value for place in weeks.places})],
        before={},
        unit="h",
        today=TODAY,
    )
    notes = [Note(date(2026, 11, 3), "Plan"), Note(date(2026, 11, 6), "Price")]
    figure = with_notes(figure, notes, weeks)
    [note] = figure["layout"]["annotations"]
    assert (note["text"], note["x"]) == ("1, 2", "2–8 Nov")
    drawn = paths(figure)
    assert drawn["to-come"].startswith("M833.3 0H1000")  # the sixth of six: 30 November
    ticks = re.findall(r"<g class.*?</g>", still(figure))
    assert [one.count("<text") for one in ticks] == [3, 6, 6]


def test_a_week_says_on_how_many_of_its_days_events_came_late():
    week = Days(date(2026, 11, 2), date(2026, 11, 9))
    late = [Note(day, "7 events came late", is_late=True) for day in list(week)[:3]]
    notes = Notes(each=[Note(week.first, "First plan: Start"), *late])
    assert notes.on(week) == [
        "2 Nov: First plan: Start",
        "Events came more than two days late on 3 of these days.",
    ]
    assert notes.on(Days(week.first, date(2026, 11, 3))) == [
        "First plan: Start",
        "7 events came late",
    ]
