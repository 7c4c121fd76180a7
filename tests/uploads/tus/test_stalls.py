"""Answers to tusd's e2e tests NetworkReadTimeout and LockRelease, and to RequestUnlock of PATCH.

tusd's HEAD stops a PATCH to learn the offset. Here it answers from the database and stops nothing:
what a client has sent that fell silent is there within a moment.
"""

import select
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.uploads.tus.client import answer_on, status_on, wait_until
from tests.uploads.tus.limits import IDLE_SECONDS
from tests.uploads.tus.test_checksum import checksum
from uploads.body import SILENCE

SENT = 10 * 1024
CONTENT = bytes(range(256)) * 200  # 50 KiB
THREADS = 8  # for uploads, of both workers
AT_ONCE = 1.0  # seconds, where a stall lasts a minute


@pytest.fixture
def url(tus):
    return tus.start(len(CONTENT))


@contextmanager
def stalled(tus, url, **headers):
    with tus.begin_patch(url, sent=CONTENT[:SENT], announced=len(CONTENT), **headers) as connection:
        time.sleep(0.2)
        yield connection


@contextmanager
def crowded(tus):
    urls = [tus.start(len(CONTENT)) for _ in range(THREADS + 4)]
    with ExitStack() as stack:
        for url in urls:
            sent, announced = CONTENT[:SENT], len(CONTENT)
            stack.enter_context(tus.begin_patch(url, sent=sent, announced=announced))
        time.sleep(0.2)
        yield urls


@contextmanager
def quickly(seconds=AT_ONCE):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def is_silent(connection):
    """Return whether the server has neither answered nor closed the connection."""
    return select.select([connection], [], [], 0) == ([], [], [])


def chunk(piece):
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


def wait_for_the_end(connection):
    """Return whatever the server says before it closes the connection."""
    said = b""
    try:
        while more := connection.recv(10_000):
            said += more
    except ConnectionResetError:
        pass
    return said


class TestAStall:
    def test_is_ended_after_the_time_of_the_setting_and_not_before(self, tus, url):
        start = time.monotonic()
        with stalled(tus, url) as connection:
            wait_for_the_end(connection)
        assert IDLE_SECONDS - 0.5 < time.monotonic() - start < IDLE_SECONDS + 2

    def test_keeps_every_byte_that_arrived(self, tus, url):
        with stalled(tus, url) as connection:
            wait_for_the_end(connection)
        assert tus.head(url).offset == SENT

    def test_of_a_body_without_a_length_keeps_every_byte_too(self, tus, url):
        with tus.begin_patch(url, sent=chunk(CONTENT[:SENT]), announced=None) as connection:
            wait_for_the_end(connection)
        assert tus.head(url).offset == SENT

    def test_with_a_checksum_keeps_nothing(self, tus, url):
        with stalled(tus, url, Upload_Checksum=checksum("sha1", CONTENT)) as connection:
            assert status_on(connection) == 503, "A client tries again after that, not after 400."
        assert tus.head(url).offset == 0

    def test_is_not_seen_in_a_client_that_is_only_slow(self, tus, url):
        step = len(CONTENT) // 8
        with tus.begin_patch(url, sent=b"", announced=len(CONTENT)) as connection:
            for start in range(0, len(CONTENT), step):
                time.sleep(IDLE_SECONDS / 5)
                connection.sendall(CONTENT[start : start + step])
            assert answer_on(connection).status == 204
        assert tus.content(url) == CONTENT

    @pytest.mark.parametrize("announced", [len(CONTENT), None])
    @pytest.mark.parametrize("headers", [{}, {"Upload-Checksum": checksum("sha1", CONTENT)}])
    def test_is_not_seen_in_a_client_that_pauses(self, tus, url, announced, headers):
        with tus.begin_patch(url, sent=b"", announced=announced, **headers) as connection:
            for piece in (CONTENT[:SENT], CONTENT[SENT:]):
                connection.sendall(piece if announced else chunk(piece))
                time.sleep(SILENCE + 0.3)
            connection.sendall(b"" if announced else chunk(b""))
            answer = answer_on(connection)
        assert (answer.status, answer.offset) == (204, len(CONTENT))
        assert tus.content(url) == CONTENT


class TestAHeadDuringAPatch:
    def test_answers_at_once(self, other):
        url = other.start(len(CONTENT))
        with stalled(other, url) as connection, quickly():
            answer = other.head(url)
            assert is_silent(connection), "The stall goes on."
        assert answer.status == 200

    def test_says_no_more_than_what_arrived(self, tus, url):
        with stalled(tus, url):
            assert 0 <= (tus.head(url).offset or 0) <= SENT

    def test_says_soon_what_arrived_though_its_client_is_neither_there_nor_gone(self, other):
        url = other.start(len(CONTENT))
        with stalled(other, url) as connection:  # for which this server would wait a minute
            wait_until(lambda: other.head(url).offset == SENT)
            assert is_silent(connection), "The stall goes on."

    def test_says_nothing_of_what_a_checksum_has_to_prove(self, tus, url):
        with stalled(tus, url, Upload_Checksum=checksum("sha1", CONTENT)):
            time.sleep(SILENCE + 0.3)
            assert tus.head(url).offset == 0

    def test_stops_nothing(self, tus, url):
        with stalled(tus, url) as connection:
            tus.head(url)
            connection.sendall(CONTENT[SENT:])
            assert answer_on(connection).status == 204
        assert tus.content(url) == CONTENT


class TestANewcomer:
    def test_takes_over_from_a_stalled_patch_at_once(self, other):
        url = other.start(len(CONTENT))
        with stalled(other, url), quickly():
            assert other.resume(url, CONTENT).offset == len(CONTENT)
        assert other.content(url) == CONTENT

    def test_goes_on_behind_what_the_stalled_one_has_sent(self, other):
        url = other.start(len(CONTENT))
        with stalled(other, url):
            wait_until(lambda: other.head(url).offset == SENT)
            with quickly():
                assert other.patch(url, SENT, CONTENT[SENT:]).status == 204
        assert other.content(url) == CONTENT

    def test_is_not_harmed_by_what_the_old_one_still_sends(self, tus, url):
        with stalled(tus, url) as connection:
            answer = tus.resume(url, CONTENT[: 2 * SENT])
            assert answer.offset == 2 * SENT
            with suppress(ConnectionError):
                connection.sendall(b"x" * (len(CONTENT) - SENT))
            assert status_on(connection) != 204
        tus.resume(url, CONTENT)
        assert tus.content(url) == CONTENT

    def test_frees_the_server_of_the_old_one_long_before_its_time(self, other):
        url = other.start(len(CONTENT))
        with stalled(other, url) as connection:
            other.resume(url, CONTENT)
            with quickly(SILENCE + 0.5):
                assert status_on(connection) == 409

    def test_at_a_wrong_offset_does_not_take_over(self, tus, url):
        with stalled(tus, url) as connection:
            assert tus.patch(url, SENT * 3, b"x").status in {409, 423}
            connection.sendall(CONTENT[SENT:])
            assert answer_on(connection).status == 204
        assert tus.content(url) == CONTENT


class TestMoreStallsThanThereAreThreads:
    def test_keep_no_head_waiting(self, other):
        with crowded(other) as urls, quickly():
            assert {other.head(url).status for url in urls} == {200}

    def test_keep_nobody_from_deleting_one(self, other):
        with crowded(other) as urls, quickly():
            assert [other.delete(url).status for url in urls] == [204] * len(urls)

    def test_keep_an_upload_waiting_but_not_away(self, tus):
        with crowded(tus):
            assert tus.content(tus.upload(b"hello")) == b"hello"


class TestADeleteDuringAPatch:
    def test_is_done_at_once(self, other):
        url = other.start(len(CONTENT))
        with stalled(other, url), quickly():
            assert other.delete(url).status == 204
        assert other.head(url).status == 410

    def test_frees_the_server_of_the_patch_long_before_its_time(self, other):
        url = other.start(len(CONTENT))
        with stalled(other, url) as connection:
            other.delete(url)
            with quickly(SILENCE + 0.5):
                assert status_on(connection) == 409

    def test_stops_the_patch(self, tus, url):
        with stalled(tus, url) as connection:
            tus.delete(url)
            with suppress(ConnectionError):
                connection.sendall(CONTENT[SENT:])
            assert status_on(connection) != 204
        assert tus.head(url).status == 410
