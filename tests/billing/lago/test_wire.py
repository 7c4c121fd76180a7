from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.lago.wire import EPOCH, BadTime, meta, moment, time_of

microseconds = st.integers(0, 4_000_000_000_000_000)


@given(microseconds)
def test_a_time_is_read_to_the_microsecond_as_a_number_and_in_a_string(count):
    seconds = f"{count // 1_000_000}.{count % 1_000_000:06}"
    expected = EPOCH + timedelta(microseconds=count)
    for text in (seconds, f'"{seconds}"'):
        assert time_of(msgspec.Raw(text.encode())) == expected


@pytest.mark.parametrize(
    "text", ["0.9999999", "0.9999999999999999999999999999999999", "9999999e-7"]
)
@pytest.mark.parametrize("form", ["%s", '"%s"'])
def test_a_time_is_cut_to_the_microsecond_and_never_rounded(text, form):
    assert time_of(msgspec.Raw((form % text).encode())) == EPOCH + timedelta(microseconds=999_999)


def test_no_time_is_none():
    assert time_of(msgspec.Raw(b"null")) is None


@pytest.mark.parametrize(
    "text",
    [
        '"today"',
        '"2026-01-01T00:00:00Z"',
        "-1",
        "1e400",
        '"NaN"',
        '"Infinity"',
        "{}",
        "true",
        '"1_000"',
        '" 1"',
    ],
)
def test_what_is_no_number_of_seconds_is_refused(text):
    with pytest.raises(BadTime):
        time_of(msgspec.Raw(text.encode()))


def test_times_are_written_to_the_millisecond():
    time = datetime(2026, 11, 1, 12, 0, 0, 123_456, UTC)
    assert moment(time) == "2026-11-01T12:00:00.123Z"


@pytest.mark.parametrize(
    ("page", "total", "expected"),
    [(1, 0, (None, None, 0)), (1, 5, (2, None, 3)), (2, 5, (3, 1, 3)), (3, 5, (None, 2, 3))],
)
def test_a_page_says_which_are_beside_it(page, total, expected):
    said = meta(page=page, per_page=2, total=total)
    assert (said["next_page"], said["prev_page"], said["total_pages"]) == expected
