"""Answers to WithUpload of tusd's post_test.go."""

import base64
import hashlib

import pytest

from tests.uploads.tus.client import metadata
from tests.uploads.tus.limits import MAX_SIZE, MIB


class TestABody:
    def test_is_the_beginning_of_the_upload(self, tus):
        answer = tus.create(300, b"hello", Upload_Metadata=metadata(foo="hello", bar="world"))
        assert (answer.status, answer.offset) == (201, 5)
        assert tus.head(answer.location).offset == 5

    def test_may_be_all_of_it(self, tus, completions):
        answer = tus.create(5, b"hello")
        assert (answer.status, answer.offset) == (201, 5)
        assert tus.content(answer.location) == b"hello"
        assert completions(answer.location) == 1

    def test_may_be_empty(self, tus):
        answer = tus.create(5, b"")
        assert (answer.status, answer.offset) == (201, 0)

    def test_may_come_without_its_length(self, tus):
        answer = tus.create(10, [b"hel", b"lo"])
        assert (answer.status, answer.offset) == (201, 5)

    def test_may_be_large(self, tus):
        content = bytes(range(256)) * (3 * MIB // 256) + b"and some"
        assert tus.content(tus.create(len(content), content).location) == content

    def test_may_begin_an_upload_of_unknown_length(self, tus):
        answer = tus.create(None, b"hello", Upload_Defer_Length="1")
        assert (answer.status, answer.offset) == (201, 5)
        assert tus.patch(answer.location, 5, b"", Upload_Length="5").status == 204
        assert tus.content(answer.location) == b"hello"

    def test_may_begin_a_partial_upload(self, tus):
        answer = tus.create(5, b"hello", Upload_Concat="partial")
        assert (answer.status, answer.offset) == (201, 5)
        assert tus.content(tus.final(answer.location).location) == b"hello"

    def test_goes_on_with_a_patch(self, tus):
        url = tus.create(10, b"hello").location
        assert tus.patch(url, 5, b"world").status == 204
        assert tus.content(url) == b"helloworld"

    def test_of_another_type_is_ignored(self, tus):
        answer = tus.create(300, b"hello", Content_Type="application/false")
        assert (answer.status, answer["Upload-Offset"]) == (201, None)
        assert tus.head(answer.location).offset == 0

    def test_unfinished_may_expire(self, tus):
        assert tus.create(10, b"hello")["Upload-Expires"]

    def test_complete_does_not_expire(self, tus):
        assert tus.create(5, b"hello")["Upload-Expires"] is None


class TestTooMuch:
    def test_by_its_length_is_413(self, tus):
        assert tus.create(300, bytes(400)).status == 413

    def test_without_a_length_is_413(self, tus):
        assert tus.create(300, [bytes(200), bytes(200)]).status == 413

    def test_leaves_no_more_than_the_upload_may_have(self, tus):
        answer = tus.create(300, [bytes(200), bytes(200)])
        assert answer["Location"] is None or (tus.head(answer.location).offset or 0) <= 300

    @pytest.mark.parametrize("body", [bytes(MAX_SIZE + 1), [bytes(MAX_SIZE), b"1"]])
    def test_for_the_server_is_413_also_when_the_length_is_deferred(self, tus, body):
        assert tus.create(None, body, Upload_Defer_Length="1").status == 413


class TestAChecksum:
    def test_that_matches_lets_the_body_in(self, tus):
        digest = base64.b64encode(hashlib.sha1(b"hello").digest()).decode()
        answer = tus.create(10, b"hello", Upload_Checksum=f"sha1 {digest}")
        assert (answer.status, answer.offset) == (201, 5)

    def test_that_does_not_match_keeps_the_body_out(self, tus):
        digest = base64.b64encode(hashlib.sha1(b"olleh").digest()).decode()
        answer = tus.create(10, b"hello", Upload_Checksum=f"sha1 {digest}")
        assert answer.status == 460
        assert answer["Location"] is None or tus.head(answer.location).offset == 0


@pytest.mark.parametrize("body", [b"hello", [b"hel", b"lo"]])
def test_a_final_takes_no_body(tus, body):
    answer = tus.create(None, body, Upload_Concat=f"final;{tus.partial(b'hello')}")
    assert (answer.status, answer["Location"]) == (403, None)
