"""The expiration extension, which tusd has not: nothing there to answer to."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.factories import LONG_AGO
from uploads.models import UploadedFile
from uploads.tasks import collect

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

    def test_has_the_time_of_the_setting(self, other):
        left = expires(other.create(10)) - datetime.now(UTC)
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


class TestAnUploadWhoseTimeIsOver:
    @pytest.fixture
    def collected(self, blob_root):
        """Return what is left of an upload when its time is over and the collection was there."""

        def expire(url):
            file_id = url.rpartition("/")[2]
            assert UploadedFile.objects.filter(id=file_id).update(expires_at=LONG_AGO)
            collect()
            return url

        return expire

    @pytest.fixture(params=["new", "half", "of unknown length", "a part", "a whole part"])
    def gone(self, request, tus, collected):
        kind = {"Upload_Concat": "partial"} if "part" in request.param else {}
        url = tus.start(None if request.param == "of unknown length" else 5, **kind)
        if request.param != "new":
            tus.patch(url, 0, b"hello" if request.param == "a whole part" else b"hel")
        return collected(url)

    def test_is_410_for_a_head_which_then_has_no_offset(self, tus, gone):
        answer = tus.head(gone)
        assert (answer.status, answer["Upload-Offset"]) == (410, None)

    def test_takes_no_more_bytes(self, tus, gone):
        assert tus.patch(gone, 3, b"lo").status == 410

    def test_is_404_for_a_stranger(self, strange, gone):
        assert strange.head(gone).status == 404

    def test_gives_its_quota_back(self, tus, organisation, collected):
        organisation.storage_quota = 5
        organisation.save()
        url = tus.start(5)
        tus.patch(url, 0, b"hell")
        collected(url)
        assert tus.content(tus.upload(b"hello")) == b"hello"

    def test_leaves_a_final_that_it_was_a_part_of(self, tus, collected):
        part = tus.partial(b"hello")
        url = tus.final(part).location
        collected(part)
        assert (tus.head(part).status, tus.content(url)) == (410, b"hello")

    def test_moves_on_with_every_chunk(self, tus):
        url = tus.start(10)
        UploadedFile.objects.filter(id=url.rpartition("/")[2]).update(expires_at=LONG_AGO)
        assert expires(tus.patch(url, 0, b"hello")) > datetime.now(UTC)
