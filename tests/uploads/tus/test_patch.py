"""Answers to tusd's patch_test.go; what breaks off in test_cuts.py, a race in test_races.py.

The length that is declared late is in test_deferred_length.py. tusd's NotifyUploadProgress and
StopUpload are its hooks, which are not here; the quota in test_creation.py stops a PATCH instead.
"""

from uuid import uuid4

import pytest

from tests.uploads.tus.client import OCTETS, answer_on, checked, path_of
from tests.uploads.tus.limits import MIB

ALL_BYTES = bytes(range(256))


class TestAChunk:
    def test_is_stored_where_the_last_one_ended(self, tus):
        url = tus.start(10)
        assert tus.patch(url, 0, b"hello").offset == 5
        answer = tus.patch(url, 5, b"world")
        assert (answer.status, answer.offset, answer.body) == (204, 10, b"")
        assert tus.content(url) == b"helloworld"

    def test_that_is_the_last_completes_the_upload_once(self, tus, completions):
        url = tus.start(10)
        tus.patch(url, 0, b"hello")
        assert completions(url) == 0
        tus.patch(url, 5, b"world")
        assert completions(url) == 1

    @pytest.mark.parametrize("size", [1, 2, 4095, 4096, 65_537, MIB - 1, 3 * MIB + 17])
    def test_may_have_any_size(self, tus, size):
        content = (ALL_BYTES * (size // 256 + 1))[:size]
        assert tus.content(tus.upload(content)) == content

    def test_may_have_no_length(self, tus):
        url = tus.start(10)
        assert tus.patch(url, 0, [b"hello", b"", b"wor", b"ld"]).status == 204
        assert tus.content(url) == b"helloworld"

    def test_may_be_one_of_many(self, tus):
        pieces = [bytes([number]) * (number + 1) for number in range(60)]
        assert tus.content(tus.upload(*pieces)) == b"".join(pieces)

    def test_may_be_empty(self, tus):
        url = tus.start(10)
        tus.patch(url, 0, b"hello")
        answer = tus.patch(url, 5, b"")
        assert (answer.status, answer.offset) == (204, 5)

    def test_may_lack_altogether(self, tus):
        answer = tus.patch(tus.start(10), 0, None)
        assert (answer.status, answer.offset) == (204, 0)

    @pytest.mark.parametrize("header", ["Upload_Concat", "Upload_Metadata", "X_Request_ID"])
    def test_may_bring_headers_that_belong_elsewhere(self, tus, header):
        url = tus.start(5, Upload_Concat="partial")
        assert tus.patch(url, 0, b"hello", **{header: "partial"}).status == 204

    def test_waits_for_the_server_s_consent_when_it_says_so(self, tus):
        url = tus.start(5)
        expecting = tus.begin_patch(url, sent=b"", announced=5, Expect="100-continue")
        with expecting as connection:
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"hello")
            assert answer_on(connection).offset == 5


class TestAFinishedUpload:
    def test_takes_nothing_with_a_friendly_answer(self, tus):
        url = tus.upload(b"hello")
        answer = tus.patch(url, 5, b"")
        assert (answer.status, answer.offset) == (204, 5)

    def test_is_not_completed_again(self, tus, completions):
        url = tus.upload(b"hello")
        tus.patch(url, 5, b"")
        assert completions(url) == 1

    def test_takes_no_more_bytes(self, tus):
        url = tus.upload(b"hello")
        assert tus.patch(url, 5, b"x").status == 413
        assert tus.content(url) == b"hello"

    def test_takes_no_bytes_instead(self, tus):
        url = tus.upload(b"hello")
        assert tus.patch(url, 0, b"HELLO").status == 409
        assert tus.content(url) == b"hello"


class TestOffset:
    @pytest.mark.parametrize("offset", [0, 4, 6, 10, 2**62])
    def test_of_another_place_is_409_and_changes_nothing(self, tus, offset):
        url = tus.start(10)
        tus.patch(url, 0, b"hello")
        assert tus.patch(url, offset, b"wor").status == 409
        assert tus.head(url).offset == 5

    @pytest.mark.parametrize("offset", ["-5", "+5", "", "abc", "5.0", "0x5", "5 5", "9" * 30, None])
    def test_is_a_number_or_400(self, tus, offset):
        url = tus.start(10)
        assert tus.patch(url, offset, b"hello").status == 400
        assert tus.head(url).offset == 0


class TestTooMuch:
    def test_by_its_length_is_413_before_a_byte_is_kept(self, tus):
        url = tus.start(10)
        tus.patch(url, 0, b"hello")
        assert tus.patch(url, 5, b"hellothisismorethan15bytes").status == 413
        assert tus.head(url).offset == 5

    def test_by_its_length_is_413_before_a_byte_is_sent(self, tus):
        url = tus.start(10)
        with tus.begin_patch(url, sent=b"", announced=11) as connection:
            assert answer_on(connection).status == 413

    def test_without_a_length_is_413_at_the_first_byte_too_much(self, tus):
        url = tus.start(20)
        tus.patch(url, 0, b"hello")
        assert tus.patch(url, 5, [b"hellothis", b"ismorethan15bytes"]).status == 413
        assert tus.head(url).offset == 20

    def test_is_told_at_once_and_not_after_the_last_byte(self, tus):
        url, sent = tus.start(10), b"100000\r\n" + bytes(4096)  # gunicorn reads a KiB at least
        with tus.begin_patch(url, sent=sent, announced=None) as connection:
            connection.settimeout(1)
            assert answer_on(connection).status == 413

    def test_stands_in_no_way_of_the_next_request(self, tus):
        url = tus.start(10)
        tus.patch(url, 0, bytes(MIB))
        assert tus.resume(url, b"helloworld").status == 204


class TestContentType:
    @pytest.mark.parametrize(
        "kind", [None, "", "application/fail", "application/octet-stream", "application/offset"]
    )
    def test_other_than_that_of_tus_is_415(self, tus, kind):
        url = tus.start(10)
        assert tus.patch(url, 0, b"hello", Content_Type=kind).status == 415
        assert tus.head(url).offset == 0


class TestMethodOverride:
    def test_makes_a_patch_of_a_post(self, tus):
        url = tus.start(10)
        tus.patch(url, 0, b"hello")
        headers = {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": "5",
            "X-HTTP-Method-Override": "PATCH",
        }
        answer = tus.send("POST", url, b"world", headers)
        assert (answer.status, answer.offset) == (204, 10)

    @pytest.mark.parametrize("method", [None, "POST", "PUT", "TRACE", "x"])
    def test_is_needed_for_a_post_to_an_upload(self, tus, method):
        answer = tus.send("POST", tus.start(5), b"", {"X-HTTP-Method-Override": method})
        assert answer.status in {400, 405}

    def test_does_not_turn_a_harmless_request_into_another(self, tus):
        url = tus.start(5)
        tus.send("GET", url, headers={"X-HTTP-Method-Override": "DELETE"})
        assert tus.head(url).status == 200


@pytest.mark.parametrize("offset", [0, 5])
def test_an_unknown_upload_is_404(tus, offset):
    assert tus.patch(f"{tus.endpoint}{uuid4()}", offset, b"hello").status == 404


def test_the_endpoint_itself_takes_no_patch(tus):
    assert tus.patch(tus.endpoint, 0, b"hello").status == 405


def test_a_refused_body_does_not_run_into_the_next_request_on_its_connection(tus):
    url, statuses = tus.start(5), []
    with tus.connection() as http:
        for offset in ("3", "0"):
            headers = tus.headers({**OCTETS, "Upload-Offset": offset})
            http.request("PATCH", path_of(url), b"hello", headers)
            statuses.append(checked("PATCH", http.getresponse()).status)
    assert statuses == [409, 204]
