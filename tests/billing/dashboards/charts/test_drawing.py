"""Charts as Plotly dictionaries: pure. Plotly itself refuses what it does not know."""

import json
from datetime import date
from decimal import Decimal

import plotly.graph_objects as go
import pytest
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.dashboards.charts.drawing import (
    Series,
    daily_bars,
    daily_level,
    period_bars,
    sparkline,
    summarise,
)
from billing.dashboards.charts.forecast import Expected
from billing.dashboards.grains import GRAINS
from billing.dashboards.ranges import PRESETS, read_range
from billing.periods import ONE_DAY, Days

TODAY = date(2026, 11, 23)
MONTH = read_range({}, today=TODAY)

values = st.dictionaries(
    st.dates(min_value=date(2026, 8, 1), max_value=TODAY),
    st.decimals(min_value=0, max_value=10**12, places=6),
)


def each_day(value: int) -> dict[date, Decimal]:
    return {day: Decimal(value) for day in MONTH.days}


class TestDailyBars:
    @settings(deadline=None)  # a busy machine is no failure
    @given(
        ours=values,
        others=values,
        before=values,
        preset=st.sampled_from(list(PRESETS)),
        grain=st.sampled_from(GRAINS),
    )
    def test_is_a_figure_that_plotly_accepts(self, ours, others, before, preset, grain):
        figure = daily_bars(
            asked=read_range({"range": preset}, today=TODAY).by(grain),
            series=[Series("Acme <b>", ours, 0), Series("All others", others, 6)],
            before=before,
            unit="GB·h",
            today=TODAY,
        )
        assert len(go.Figure(figure).data) == len(figure["data"]) > 0
        assert json.loads(json.dumps(figure, allow_nan=False)) == figure

    def test_stacks_each_organisation_and_dashes_the_period_before(self):
        figure = daily_bars(
            asked=MONTH,
            series=[Series("Acme", each_day(2000), 0), Series("Globex", each_day(500), 1)],
            before={MONTH.before.first: Decimal(3000)},
            unit="GB·h",
            today=TODAY,
        )
        acme, globex, together, before = figure["data"]
        assert figure["layout"]["barmode"] == "relative"
        assert together["y"] == [2.5] * 23
        assert together["hovertemplate"] == "Together: %{y:,.3~f} k GB·h<extra></extra>"
        assert acme["y"] == [2.0] * 23
        assert globex["y"] == [0.5] * 23
        assert before["y"][:2] == [3.0, 0.0]
        assert before["x"][-1] == "2026-11-30"
        assert figure["layout"]["yaxis"]["ticktext"] == ["0", "1 k", "2 k", "3 k"]

    def test_says_all_of_the_day_that_is_pointed_at_whatever_stands_below_it(self):
        axis = daily_bars(asked=MONTH, series=[], before={}, unit="h", today=TODAY)["layout"][
            "xaxis"
        ]
        assert axis["unifiedhovertitle"] == {"text": "%{x|%a %-d %b %Y}"}

    def test_has_money_at_its_ticks_as_the_language_writes_it(self):
        day = date(2026, 11, 2)
        of_day = [Series("Storage", {day: Decimal(1900)})]
        chart = period_bars(periods=[(day, "Nov")], series=of_day, unit="EUR", is_running=False)
        assert chart["layout"]["yaxis"]["ticktext"] == ["0", "€500", "€1,000", "€1,500", "€2,000"]
        assert chart["data"][0]["hovertemplate"] == "Storage: €%{y:,.2f}<extra></extra>"

    @pytest.mark.parametrize(("asked", "highest"), [(MONTH, "2 TB"), (MONTH.alone(), "1 GB")])
    def test_is_as_high_as_what_is_drawn(self, asked, highest):
        before = {MONTH.before.first: Decimal(2000)}
        figure = daily_level(asked=asked, series=Series("A", each_day(1)), before=before, unit="GB")
        assert figure["layout"]["yaxis"]["ticktext"][-1] == highest

    def test_shows_what_is_below_zero_whatever_is_above_it(self):
        lost, used = Series("A", each_day(-3000), 0), Series("B", each_day(1000), 1)
        axis = daily_bars(asked=MONTH, series=[lost, used], before={}, unit="GB·h", today=TODAY)[
            "layout"
        ]["yaxis"]
        assert axis["ticktext"] == ["−3 k", "−2 k", "−1 k", "0", "1 k"]
        assert axis["range"] == [-3.06, 1.02]
        alone = daily_level(
            asked=MONTH, series=Series("Stored", each_day(-2)), before={}, unit="GB"
        )["layout"]["yaxis"]
        assert alone["ticktext"] == ["−2 GB", "−1.5 GB", "−1 GB", "−0.5 GB", "0"]

    def test_cuts_a_name_that_a_phone_has_no_room_for(self):
        name = "Gesellschaft für ausgesprochen lange Namen mbH"
        figure = daily_bars(
            asked=MONTH, series=[Series(name, each_day(1))], before={}, unit="h", today=TODAY
        )
        hover = figure["data"][0]["hovertemplate"]
        assert hover == "Gesellschaft für ausges…: %{y:,.3~f} h<extra></extra>"

    def test_draws_today_paler_for_it_is_not_over(self):
        figure = daily_bars(
            asked=MONTH, series=[Series("A", each_day(1))], before={}, unit="h", today=TODAY
        )
        assert figure["data"][0]["marker"]["opacity"] == [1.0] * 22 + [0.6]

    def test_marks_the_days_to_come(self):
        figure = daily_bars(asked=MONTH, series=[], before={}, unit="h", today=TODAY)
        assert [shape["name"] for shape in figure["layout"]["shapes"]] == ["to-come"]

    def test_marks_nothing_when_no_day_is_to_come(self):
        asked = read_range({"range": "7d"}, today=TODAY)
        figure = daily_bars(asked=asked, series=[], before={}, unit="h", today=TODAY)
        assert figure["layout"]["shapes"] == []


class TestWhatIsToCome:
    def test_has_its_interval_in_the_language_of_the_page_and_on_the_axis(self):
        asked, expected = read_range({}, today=TODAY), Expected(*map(Decimal, (9, -4, 12_345)))
        with override("de"):
            figure = daily_bars(
                asked=asked,
                series=[],
                before={},
                unit="h",
                today=TODAY,
                to_come={TODAY + ONE_DAY: expected},
            )
        assert figure["data"][-1]["customdata"] == ["−4 bis 12.340"]
        assert figure["layout"]["yaxis"]["range"][0] < -4


class TestDailyLevel:
    @settings(deadline=None)  # a busy machine is no failure
    @given(level=values, before=values)
    def test_is_a_figure_that_plotly_accepts(self, level, before):
        figure = daily_level(asked=MONTH, series=Series("Stored", level), before=before, unit="GB")
        assert len(go.Figure(figure).data) == len(figure["data"]) > 0


class TestSummarise:
    def test_names_the_peak_and_the_mean(self):
        days = Days(TODAY, TODAY + ONE_DAY * 2)
        summary = summarise({TODAY: Decimal(3), TODAY + ONE_DAY: Decimal(1)}, days)
        assert summary is not None
        assert (summary.peak_day, summary.peak, summary.mean) == (TODAY, Decimal(3), Decimal(2))

    def test_is_nothing_where_nothing_was_used(self):
        assert summarise({TODAY: Decimal(0)}, MONTH.days) is None


class TestSparkline:
    @pytest.mark.parametrize("length", [1, 2, 90])
    def test_stays_in_its_box(self, length):
        days = Days(TODAY, TODAY + ONE_DAY * length)
        points = sparkline({day: Decimal(day.day) for day in days}, days).split()
        assert len(points) == (length if length > 1 else 0)  # a day alone has no course
        for point in points:
            x, y = map(float, point.split(","))
            assert 0 <= x <= 92
            assert 0 <= y <= 22
