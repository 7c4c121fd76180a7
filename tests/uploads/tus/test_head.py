"""Answers to tusd's head_test.go. A HEAD during a PATCH is in test_cuts.py."""

from uuid import uuid4

import pytest

from tests.uploads.tus.client import metadata


class TestAnUnfinishedUpload:
    @pytest.fixture
    def answer(self, tus):
        url = tus.start(44, Upload_Metadata="name bHVucmpzLnBuZw==,empty")
        tus.patch(url, 0, b"eleven byte")
        return tus.head(url)

    def test_is_200(self, answer):
        assert answer.status == 200

    def test_has_its_offset(self, answer):
        assert answer["Upload-Offset"] == "11"

    def test_has_its_length(self, answer):
        assert answer["Upload-Length"] == "44"

    def test_has_its_metadata_as_they_were_sent(self, answer):
        assert answer["Upload-Metadata"] == "name bHVucmpzLnBuZw==,empty"

    def test_is_never_cached(self, answer):
        assert answer["Cache-Control"] == "no-store"

    def test_has_no_deferred_length(self, answer):
        assert answer["Upload-Defer-Length"] is None

    def test_is_no_concatenation(self, answer):
        assert answer["Upload-Concat"] is None

    def test_has_no_body(self, answer):
        assert answer.body == b""


def test_a_new_upload_is_at_offset_zero(tus):
    assert tus.head(tus.start(5)).offset == 0


@pytest.mark.parametrize("content", [b"", b"hello"])
def test_a_complete_upload_is_at_its_length(tus, content):
    answer = tus.head(tus.upload(content))
    assert (answer.status, answer["Upload-Length"]) == (200, str(len(content)))
    assert answer.offset == len(content)


def test_an_upload_without_metadata_has_none(tus):
    assert not tus.head(tus.start(5))["Upload-Metadata"]


class TestADeferredLength:
    def test_is_said_until_it_is_declared(self, tus):
        answer = tus.head(tus.start(None))
        assert (answer["Upload-Defer-Length"], answer["Upload-Length"]) == ("1", None)

    def test_does_not_keep_back_the_offset(self, tus):
        url = tus.start(None)
        tus.patch(url, 0, b"hello")
        assert tus.head(url).offset == 5

    def test_is_forgotten_when_it_is_declared(self, tus):
        url = tus.start(None)
        tus.patch(url, 0, b"hello", Upload_Length="10")
        answer = tus.head(url)
        assert (answer["Upload-Defer-Length"], answer["Upload-Length"]) == (None, "10")


class TestAnUnknownUpload:
    @pytest.fixture
    def answer(self, tus):
        return tus.head(f"{tus.endpoint}{uuid4()}")

    def test_is_404(self, answer):
        assert answer.status == 404

    def test_has_no_offset(self, answer):
        assert answer["Upload-Offset"] is None

    def test_has_no_body(self, answer):
        assert answer.body == b""

    def test_is_not_cached_as_a_status(self, answer):
        assert "max-age" not in (answer["Cache-Control"] or "")


@pytest.mark.parametrize("version", ["1.0.0", None])
def test_headers_that_belong_to_other_requests_are_ignored(tus, version):
    url = tus.start(5, Upload_Metadata=metadata(name="a"))
    answer = tus.head(url, Upload_Concat="partial", Upload_Length="9", Tus_Resumable=version)
    assert (answer.status, answer["Upload-Length"], answer["Upload-Concat"]) == (200, "5", None)
