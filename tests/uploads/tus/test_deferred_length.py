"""Answers to the DeclareLength… of tusd's patch_test.go."""

import pytest

from tests.uploads.tus.limits import MAX_SIZE


@pytest.fixture
def url(tus):
    """An upload of unknown length with five bytes."""
    url = tus.start(None)
    assert tus.patch(url, 0, b"hello").status == 204
    return url


class TestALength:
    def test_may_come_with_the_last_chunk(self, tus, url):
        answer = tus.patch(url, 5, b"thisismore", Upload_Length="15")
        assert (answer.status, answer.offset) == (204, 15)
        assert tus.content(url) == b"hellothisismore"

    def test_may_come_after_the_last_chunk(self, tus, url):
        assert tus.patch(url, 5, b"", Upload_Length="5").status == 204
        assert tus.content(url) == b"hello"

    def test_completes_the_upload_once(self, tus, url, completions):
        assert completions(url) == 0
        tus.patch(url, 5, b"", Upload_Length="5")
        assert completions(url) == 1

    def test_may_come_before_the_last_chunk(self, tus, url):
        assert tus.patch(url, 5, b"this", Upload_Length="15").offset == 9
        assert tus.patch(url, 9, b"ismore").offset == 15
        assert tus.content(url) == b"hellothisismore"

    def test_may_come_with_the_first_chunk(self, tus):
        url = tus.start(None)
        tus.patch(url, 0, b"hello", Upload_Length="5")
        assert tus.content(url) == b"hello"

    def test_may_be_zero(self, tus):
        url = tus.start(None)
        tus.patch(url, 0, b"", Upload_Length="0")
        assert tus.content(url) == b""

    def test_may_be_said_again_when_it_is_the_same(self, tus, url):
        tus.patch(url, 5, b"th", Upload_Length="9")
        assert tus.patch(url, 7, b"is", Upload_Length="9").status == 204

    def test_may_be_said_again_where_it_was_known_from_the_start(self, tus):
        assert tus.patch(tus.start(5), 0, b"hello", Upload_Length="5").status == 204

    @pytest.mark.parametrize("length", ["8", "10"])
    def test_is_not_changed(self, tus, url, length):
        tus.patch(url, 5, b"", Upload_Length="9")
        assert tus.patch(url, 5, b"th", Upload_Length=length).status == 400
        assert tus.head(url)["Upload-Length"] == "9"

    def test_that_was_known_from_the_start_is_not_changed(self, tus):
        url = tus.start(10)
        assert tus.patch(url, 0, b"hello", Upload_Length="5").status == 400
        assert (tus.head(url).offset, tus.head(url)["Upload-Length"]) == (0, "10")

    @pytest.mark.parametrize("length", ["4", "-1", "", "x"])
    def test_is_no_less_than_what_is_there_and_a_number(self, tus, url, length):
        assert tus.patch(url, 5, b"", Upload_Length=length).status == 400
        assert tus.head(url)["Upload-Defer-Length"] == "1"

    def test_is_not_above_the_maximum(self, tus, url):
        assert tus.patch(url, 5, b"", Upload_Length=str(MAX_SIZE + 1)).status in {400, 413}
        assert tus.head(url)["Upload-Defer-Length"] == "1"

    def test_bounds_the_chunk_that_it_comes_with(self, tus, url):
        assert tus.patch(url, 5, b"thisismore", Upload_Length="9").status == 413
        assert tus.head(url).offset == 5

    def test_of_a_partial_may_be_deferred_too(self, tus):
        url = tus.start(None, Upload_Concat="partial")
        tus.patch(url, 0, b"hello", Upload_Length="5")
        assert tus.content(tus.final(url).location) == b"hello"


class TestWithoutALength:
    def test_bytes_are_taken_up_to_the_maximum(self, tus, url):
        assert tus.patch(url, 5, bytes(MAX_SIZE - 5)).status == 204

    def test_more_than_the_maximum_is_413(self, tus, url):
        assert tus.patch(url, 5, bytes(MAX_SIZE - 4)).status == 413
        assert tus.head(url).offset == 5

    def test_more_than_the_maximum_in_a_stream_is_413(self, tus, url):
        assert tus.patch(url, 5, [bytes(MAX_SIZE), b"x"]).status == 413
        assert (tus.head(url).offset or 0) <= MAX_SIZE

    def test_there_is_nothing_to_download(self, tus, url):
        assert 400 <= tus.get(url).status < 500
