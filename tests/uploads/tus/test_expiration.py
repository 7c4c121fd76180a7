"""The expiration extension, which tusd has not: nothing there to answer to."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

IMF_FIXDATE = (
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d "
    r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)


def expires(answer):
    return parsedate_to_datetime(answer["Upload-Expires"])


@pytest.fixture(params=["creation", "creation with a beginning", "a chunk", "an empty chunk"])
def answer(request, tus):
    """An answer about an upload that goes on."""
    return {
        "creation": lambda: tus.create(10),
        "creation with a beginning": lambda: tus.create(10, b"hello"),
        "a chunk": lambda: tus.patch(tus.start(10), 0, b"hello"),
        "an empty chunk": lambda: tus.patch(tus.start(10), 0, b""),
    }[request.param]()


class TestAnUnfinishedUpload:
    def test_is_told_its_end_in_the_date_format_of_http(self, answer):
        assert re.fullmatch(IMF_FIXDATE, answer["Upload-Expires"])

    def test_has_a_weekday_that_is_right(self, answer):
        assert answer["Upload-Expires"].startswith(f"{expires(answer):%a}, ")

    def test_has_a_day_by_default(self, answer):
        assert abs(expires(answer) - datetime.now(UTC) - timedelta(hours=24)) < timedelta(minutes=1)

    def test_has_the_time_of_the_setting(self, tus_with):
        left = expires(tus_with(UPLOAD_EXPIRES_HOURS="3").create(10)) - datetime.now(UTC)
        assert abs(left - timedelta(hours=3)) < timedelta(minutes=1)

    def test_of_unknown_length_expires_too(self, tus):
        assert tus.create(Upload_Defer_Length="1")["Upload-Expires"]

    def test_that_is_a_part_expires_too(self, tus):
        assert tus.create(10, Upload_Concat="partial")["Upload-Expires"]


class TestAFinishedUpload:
    def test_by_a_chunk_does_not_expire(self, tus):
        assert tus.patch(tus.start(5), 0, b"hello")["Upload-Expires"] is None

    def test_by_its_creation_does_not_expire(self, tus):
        assert tus.create(5, b"hello")["Upload-Expires"] is None

    def test_by_a_late_length_does_not_expire(self, tus):
        url = tus.start(None)
        tus.patch(url, 0, b"hello")
        assert tus.patch(url, 5, b"", Upload_Length="5")["Upload-Expires"] is None

    def test_by_its_parts_does_not_expire(self, tus):
        assert tus.final(tus.partial(b"hello"))["Upload-Expires"] is None
