from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.metering.querying.levels import EPOCH, Change, Key, Move, integrals, peaks

START = datetime(2026, 11, 1, tzinfo=UTC)
KEY = Key(None, ())
WINDOW, WINDOWS = 10, 4  # microseconds, from START on
STARTS = [START + timedelta(microseconds=WINDOW * n) for n in range(WINDOWS)]
ENDS = [start + timedelta(microseconds=WINDOW) for start in STARTS]
changes = st.dictionaries(st.integers(-5, WINDOW * WINDOWS - 1), st.integers(-9, 9).map(Decimal))


def level_at(by_moment, moment):
    return sum((change for at, change in by_moment.items() if at <= moment), Decimal(0))


def at(moment):
    return START + timedelta(microseconds=moment)


@given(changes)
def test_an_integral_is_the_level_of_each_microsecond_added_up(by_moment):
    found = {figure.number: figure.value for figure in integrals(_changes(by_moment), STARTS, ENDS)}
    for number in range(WINDOWS):
        moments = range(number * WINDOW, (number + 1) * WINDOW)
        assert found.get(number, 0) == sum(level_at(by_moment, moment) for moment in moments)


@given(changes)
def test_a_peak_is_the_highest_level_of_any_microsecond(by_moment):
    moves = [
        Move(KEY, at(moment), by_moment[moment], by_moment[moment]) for moment in sorted(by_moment)
    ]
    found = {figure.number: figure.value for figure in peaks(moves, STARTS, ENDS)}
    for number in range(WINDOWS):
        moments = range(number * WINDOW, (number + 1) * WINDOW)
        assert found.get(number, 0) == max(level_at(by_moment, moment) for moment in moments)


def _changes(by_moment):
    """Add changes up by window, each up to its own moment."""
    since_epoch = (START - EPOCH) // timedelta(microseconds=1)
    for number in range(-1, WINDOWS):
        own = {m: c for m, c in by_moment.items() if (m // WINDOW if m >= 0 else -1) == number}
        if own:
            until = sum(change * (since_epoch + moment) for moment, change in own.items())
            yield Change(number, KEY, sum(own.values(), Decimal(0)), Decimal(0), until)
