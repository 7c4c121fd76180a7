"""What is to come, with its interval: pure."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.dashboards.charts.forecast import FEWEST_DAYS, MOST_DAYS, Expected, forecast

amounts = st.decimals(min_value=0, max_value=10**15, places=6)
pasts = st.lists(amounts, min_size=FEWEST_DAYS, max_size=40)
ahead = st.integers(min_value=1, max_value=31)


def decimals(*values: float | str) -> list[Decimal]:
    return [Decimal(str(value)) for value in values]


class TestForecast:
    def test_is_none_with_less_than_a_week(self):
        assert forecast(decimals(*[5] * 6), days=3, is_level=False) is None

    def test_is_none_where_no_day_is_to_come(self):
        assert forecast(decimals(*[5] * 9), days=0, is_level=False) is None

    def test_goes_on_exactly_where_every_day_was_the_same(self):
        expected = forecast(decimals(*[5] * 20), days=4, is_level=False)
        assert expected is not None
        assert expected.days == [Expected(*decimals(5, 5, 5))] * 4
        assert expected.total == Expected(*decimals(20, 20, 20))

    def test_repeats_the_week(self):
        week = decimals(8, 8, 8, 8, 8, 1, 1)
        expected = forecast(week * 4, days=8, is_level=False)
        assert expected is not None
        assert [one.value for one in expected.days] == [*week, 8]
        assert expected.total.value == 50
        assert expected.total.margin == 0

    def test_lets_a_level_go_on_to_change_as_it_did(self):
        expected = forecast(decimals(*range(100, 110)), days=3, is_level=True)
        assert expected is not None
        assert [one.value for one in expected.days] == [110, 111, 112]
        assert expected.total.value == 333

    def test_is_less_sure_of_what_is_further_away(self):
        expected = forecast(decimals(3, 9, 4, 8, 2, 9, 7, 7), days=3, is_level=True)
        assert expected is not None
        first, second, third = (one.margin for one in expected.days)
        assert first < second < third

    def test_knows_only_the_last_four_weeks(self):
        old, new = decimals(*[900] * 50), decimals(*[2] * MOST_DAYS)
        assert forecast(old + new, days=2, is_level=False) == forecast(new, days=2, is_level=False)

    @given(past=pasts, days=ahead, is_level=st.booleans())
    def test_lies_in_its_interval_and_not_below_zero(self, past, days, is_level):
        expected = forecast(past, days=days, is_level=is_level)
        assert expected is not None
        assert len(expected.days) == days
        for one in [*expected.days, expected.total]:
            assert 0 <= one.low <= one.value <= one.high

    def test_goes_on_below_zero_where_it_was_there(self):
        fallen = forecast(decimals(*range(-10, -20, -1)), days=2, is_level=True)
        assert fallen is not None
        assert fallen.days == [Expected(*decimals(one, one, one)) for one in (-20, -21)]

    @given(past=pasts, days=ahead, is_level=st.booleans(), cut=st.integers(0, 31))
    def test_spans_are_days_as_the_total_is(self, past, days, is_level, cut):
        spans = [range(days), range(1), range(min(cut, days - 1), days)]
        expected = forecast(past, days=days, is_level=is_level, spans=spans)
        assert expected is not None
        whole, first, rest = expected.spans
        assert (whole, first) == (expected.total, expected.days[0])
        sums = sum((one.margin for one in expected.days[min(cut, days - 1) :]), Decimal(0))
        assert rest.margin <= sums * Decimal("1.000001") + Decimal("1e-12")

    @given(past=pasts, days=ahead)
    def test_days_that_add_up_come_to_the_total(self, past, days):
        expected = forecast(past, days=days, is_level=False)
        assert expected is not None
        total = sum(one.value for one in expected.days)
        assert abs(total - expected.total.value) <= Decimal("1e-20") * (1 + total)
