"""The state of a page, as its address says it: pure."""

from datetime import date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dashboards.usage.state import Choices, read_state
from billing.invoicing.charging.schedule import Cycle
from billing.periods import Days

TODAY = date(2026, 11, 23)
CHOICES = Choices(metric=("", "gb-hours"), by=("", "region"), sort=("day", "-day", "-used"))
YEARS = Cycle(12, date(2026, 3, 15))


def state(query: str = "", cycle: Cycle = YEARS, default: str = "this-month"):
    asked = dict(parse_qsl(query.removeprefix("?")))
    return read_state(asked, today=TODAY, choices=CHOICES, cycle=cycle, default=default)


class TestReadState:
    def test_is_the_default_of_everything_where_nothing_is_asked(self):
        read = state()
        assert (read.range.preset, read.metric, read.by, read.sort) == ("this-month", "", "", "day")
        assert read.is_compared
        assert read.query == ""

    def test_reads_all_of_it(self):
        read = state("?range=7d&compare=off&metric=gb-hours&by=region&sort=-used")
        assert (read.range.preset, read.metric, read.by) == ("7d", "gb-hours", "region")
        assert (read.sort, read.is_compared, read.messages) == ("-used", False, ())

    def test_compares_nothing_when_told_so(self):
        read = state("?compare=off")
        assert (read.range.compared, read.range.compared_with) == (None, None)

    def test_knows_the_billing_period_that_runs_and_the_last_one(self):
        running, last = state("?range=this-period").range, state("?range=last-period").range
        assert running.days == Days(date(2026, 3, 15), date(2026, 11, 24))
        assert running.shown == Days(date(2026, 3, 15), date(2027, 3, 15))
        assert running.is_running
        assert last.days == Days(date(2025, 3, 15), date(2026, 3, 15))
        assert last.before == Days(date(2024, 3, 15), date(2025, 3, 15))

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("?by=colour", "There is no grouping called “colour”."),
            ("?metric=x", "There is no metric called “x”."),
            ("?sort=x", "There is no order called “x”."),
            ("?range=x", "There is no range called “x”. This month is shown instead."),
        ],
    )
    def test_says_what_it_did_not_understand_and_leaves_it_out(self, query, message):
        read = state(query)
        assert read.messages == (message,)
        assert read.query == ""


class TestLink:
    def test_changes_one_thing_and_keeps_the_rest(self):
        assert state("?by=region&sort=-used").link(sort=None) == "?by=region"
        assert state("?by=region").link(compare="off") == "?compare=off&by=region"

    def test_a_range_takes_the_place_of_chosen_days(self):
        read = state("?from=2026-11-02&to=2026-11-05&by=region")
        assert read.link(range="7d") == "?range=7d&by=region"
        assert read.query == "?from=2026-11-02&to=2026-11-05&by=region"

    @given(
        asked=st.dictionaries(
            st.sampled_from(["range", "from", "to", "compare", "metric", "by", "sort", "page"]),
            st.one_of(
                st.text(max_size=12),
                st.sampled_from(
                    ["7d", "last-month", "this-period", "off", "gb-hours", "region", "-used"]
                ),
                st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 12, 31)).map(str),
            ),
        )
    )
    def test_the_address_of_a_state_leads_to_that_state(self, asked):
        read = read_state(asked, today=TODAY, choices=CHOICES, cycle=YEARS)
        again = state(read.query)
        assert not again.messages
        assert (again.metric, again.by, again.sort) == (read.metric, read.by, read.sort)
        assert again.range.days == read.range.days
        assert again.range.compared == read.range.compared
        assert again.query == read.query
