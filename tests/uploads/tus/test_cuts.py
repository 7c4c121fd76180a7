"""Answers to tusd's e2e tests UnexpectedNetworkClose, UnexpectedNetworkReset, and to BodyReadError.

And to UploadLengthExceeded, in test_patch.py. What stalls is in test_stalls.py.
"""

import os
import signal
import time

import pytest

from tests.uploads.tus.client import OCTETS, end_by_fin, end_by_rst, wait_until
from tests.uploads.tus.conftest import as_program
from tests.uploads.tus.limits import MIB
from tests.uploads.tus.test_checksum import checksum
from tests.webserver import serve

CONTENT = bytes(range(256)) * (4 * MIB // 256)
SIZES = pytest.mark.parametrize("sent", [1, 5000, 3 * MIB + 17])


@pytest.fixture(params=[end_by_fin, end_by_rst], ids=["FIN", "RST"])
def end(request):
    return request.param


@pytest.fixture
def url(tus):
    return tus.start(len(CONTENT))


def cut(tus, url, end, *, sent, offset=0, chunked=False, **headers):
    """Announce all of the content, send less of it, and be gone."""
    body = CONTENT[offset : offset + sent]
    announced = None if chunked else len(CONTENT) - offset
    if chunked:
        body = f"{sent + 1:x}\r\n".encode() + body  # of a chunk that never ends
    patching = tus.begin_patch(url, sent=body, announced=announced, offset=offset, **headers)
    with patching as connection:
        end(connection)


def offset_of(tus, url, expected):
    """Return the offset when it is the expected one, or what it is in the end."""
    try:
        wait_until(lambda: tus.head(url).offset == expected)
    except AssertionError:
        return tus.head(url).offset
    return expected


class TestACut:
    @SIZES
    def test_keeps_every_byte_that_arrived(self, tus, url, end, sent):
        cut(tus, url, end, sent=sent)
        assert offset_of(tus, url, sent) == sent

    @SIZES
    def test_of_a_body_without_a_length_keeps_every_byte_too(self, tus, url, end, sent):
        cut(tus, url, end, sent=sent, chunked=True)
        assert offset_of(tus, url, sent) == sent

    def test_before_the_first_byte_changes_nothing(self, tus, url, end):
        cut(tus, url, end, sent=0)
        assert tus.resume(url, CONTENT).status == 204

    def test_lets_the_client_go_on_from_there(self, tus, url, end):
        cut(tus, url, end, sent=MIB + 1)
        assert offset_of(tus, url, MIB + 1) == MIB + 1
        tus.resume(url, CONTENT)
        assert tus.content(url) == CONTENT

    def test_may_follow_another(self, tus, url, end):
        at = 0
        for sent in (1, 70_000, 4096, MIB + 3, 12):
            cut(tus, url, end, sent=sent, offset=at)
            at += sent
            assert offset_of(tus, url, at) == at
        tus.resume(url, CONTENT)
        assert tus.content(url) == CONTENT

    def test_after_the_last_byte_of_the_upload_completes_it(self, tus, end, completions):
        url = tus.start(5)
        with tus.begin_patch(url, sent=b"hello", announced=5) as connection:
            end(connection)
        assert offset_of(tus, url, 5) == 5
        assert (tus.content(url), completions(url)) == (b"hello", 1)

    def test_of_a_partial_leaves_a_partial_that_can_be_finished(self, tus, end):
        part = tus.start(len(CONTENT), Upload_Concat="partial")
        cut(tus, part, end, sent=MIB)
        tus.resume(part, CONTENT)
        assert tus.content(tus.final(part).location) == CONTENT

    def test_of_an_upload_of_unknown_length_keeps_every_byte(self, tus, end):
        url = tus.start(None)
        cut(tus, url, end, sent=5000)
        assert offset_of(tus, url, 5000) == 5000


class TestACutWithAChecksum:
    @SIZES
    def test_keeps_nothing_because_nothing_can_be_proved(self, tus, url, end, sent):
        cut(tus, url, end, sent=sent, Upload_Checksum=checksum("sha1", CONTENT))
        time.sleep(0.3)
        assert tus.head(url).offset == 0

    def test_keeps_nothing_of_a_body_without_a_length(self, tus, url, end):
        sum_ = checksum("sha1", CONTENT[:5000])  # it would match, but the body has not ended
        cut(tus, url, end, sent=5000, chunked=True, Upload_Checksum=sum_)
        time.sleep(0.3)
        assert tus.head(url).offset == 0

    def test_lets_the_client_send_it_again(self, tus, url, end):
        sum_ = checksum("sha256", CONTENT)
        cut(tus, url, end, sent=MIB, Upload_Checksum=sum_)
        answers = []

        def again():
            answers.append(tus.patch(url, 0, CONTENT, Upload_Checksum=sum_).status)
            return answers[-1] == 204

        wait_until(again)
        assert tus.content(url) == CONTENT


def test_a_creation_that_is_cut_answers_nobody_and_breaks_nothing(tus, end):
    headers = {**OCTETS, "Upload-Length": "10"}
    creating = tus.begin("POST", tus.endpoint, sent=b"hello", announced=10, headers=headers)
    with creating as connection:
        end(connection)
    assert tus.content(tus.upload(b"hello")) == b"hello"


class TestAServer:
    """Answers to tusd's e2e test Shutdown and to InterruptRequestHandling of patch_test.go."""

    @pytest.fixture
    def run(self, lasting_db, tmp_path, blob_root):
        return lambda name: serve(blob_root=blob_root, workers_folder=tmp_path / name)

    def test_that_is_told_to_stop_in_a_patch_does_so_and_loses_nothing_that_it_confirmed(
        self, run, organisation
    ):
        with run("first") as server:
            tus = as_program(server, organisation)
            url = tus.start(len(CONTENT))
            tus.patch(url, 0, CONTENT[:MIB])
            with tus.begin_patch(url, sent=CONTENT[MIB : 2 * MIB], announced=3 * MIB, offset=MIB):
                time.sleep(0.2)
                server.process.send_signal(signal.SIGTERM)
                server.process.wait(timeout=10)
        with run("second") as server:
            tus = as_program(server, organisation)
            assert MIB <= (tus.head(url).offset or 0) <= 2 * MIB
            tus.resume(url, CONTENT)
            assert tus.content(url) == CONTENT

    def test_whose_worker_is_killed_in_a_patch_goes_on_with_the_next(self, run, organisation):
        with run("only") as server:
            tus = as_program(server, organisation)
            url = tus.start(len(CONTENT))
            tus.patch(url, 0, CONTENT[:MIB])
            with tus.begin_patch(url, sent=CONTENT[MIB : 2 * MIB], announced=3 * MIB, offset=MIB):
                time.sleep(0.2)
                for worker in server.workers_folder.iterdir():
                    os.kill(int(worker.name), signal.SIGKILL)
            assert MIB <= (tus.head(url).offset or 0) <= 2 * MIB
            tus.resume(url, CONTENT)
            assert tus.content(url) == CONTENT
