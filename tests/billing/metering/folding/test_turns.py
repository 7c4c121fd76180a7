"""The size of a batch follows how fast the last one was, within bounds; a turn ends in time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.metering.folding.turns import LASTING, LEAST, MOST, TURN, next_limit, take

limits = st.integers(LEAST, MOST)
durations = st.floats(0, 1000)


class TestTheNextLimit:
    @given(limits, st.integers(1, MOST), durations)
    @settings(max_examples=50)
    def test_stays_within_its_bounds(self, limit, handled, seconds):
        assert LEAST <= next_limit(limit, handled=min(handled, limit), seconds=seconds) <= MOST

    @given(limits, st.floats(LASTING, 1000))
    @settings(max_examples=50)
    def test_never_rises_after_a_batch_that_took_too_long(self, limit, seconds):
        assert next_limit(limit, handled=limit, seconds=seconds) <= limit

    def test_doubles_while_batches_are_quick(self):
        assert next_limit(1000, handled=1000, seconds=0.01) == 2000

    def test_goes_straight_to_what_takes_as_long_as_a_batch_should(self):
        assert next_limit(10_000, handled=10_000, seconds=4 * LASTING) == 2500

    def test_stays_where_little_was_waiting(self):
        assert next_limit(10_000, handled=3, seconds=0.01) == 10_000

    def test_falls_also_where_few_events_took_too_long(self):
        assert next_limit(10_000, handled=3, seconds=2 * LASTING) == 5000


class Work:
    """So many events, each of which takes so long by this clock."""

    def __init__(self, events, *, each):
        self.left, self.each, self.now, self.batches = events, each, 0.0, []

    def advance(self, limit):
        handled = min(limit, self.left)
        self.left -= handled
        self.now += handled * self.each
        self.batches.append(handled)
        return handled

    def clock(self):
        return self.now


class TestATurn:
    def test_takes_what_little_there_is_at_once(self):
        work = Work(3, each=0.001)
        assert take(work.advance, first=1000, clock=work.clock) == (3, False)
        assert work.batches == [3, 0]

    def test_takes_ever_larger_batches_far_behind(self):
        work = Work(60_000, each=1e-6)
        assert take(work.advance, first=10_000, clock=work.clock) == (60_000, False)
        assert work.batches == [10_000, 20_000, 30_000, 0]

    def test_lets_others_go_first_when_its_time_is_over(self):
        work = Work(10**9, each=1 / 5000)
        assert take(work.advance, first=10_000, clock=work.clock) == (25_000, True)
        assert work.batches == [10_000, 5000, 5000, 5000]
        assert work.now == TURN

    @given(st.integers(0, 500_000), st.floats(1e-6, 1e-3))
    @settings(max_examples=50)
    def test_takes_all_events_in_however_many_turns(self, events, each):
        work = Work(events, each=each)
        while take(work.advance, first=10_000, clock=work.clock).is_over:
            pass
        assert work.left == 0
