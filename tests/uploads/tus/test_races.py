"""Requests at the same moment; of tusd, the Locker of patch_test.go and terminate_test.go."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.uploads.tus.limits import MIB

ROUNDS = pytest.mark.parametrize("round_", range(3))
TOO_LATE = {409, 423}


def at_once(*jobs):
    """Return what the jobs return, which begin together."""
    barrier = Barrier(len(jobs))

    def run(job):
        barrier.wait(timeout=30)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]


def content_of(writer, size):
    return bytes([65 + writer]) * size


@ROUNDS
class TestPatchesAtOneOffset:
    @pytest.mark.parametrize(("writers", "size"), [(2, 5), (8, 5), (2, 64 * 1024), (4, 2 * MIB)])
    def test_one_wins_and_its_bytes_are_the_content(self, tus, round_, writers, size):
        url = tus.start(size)
        answers = at_once(
            *[lambda w=w: tus.patch(url, 0, content_of(w, size)) for w in range(writers)]
        )
        won = [writer for writer, answer in enumerate(answers) if answer.status == 204]
        assert len(won) == 1
        assert {answer.status for answer in answers} - {204} <= TOO_LATE
        assert tus.content(url) == content_of(won[0], size)

    def test_the_next_round_goes_on_where_the_winner_ended(self, tus, round_):
        url, expected = tus.start(40), b""
        for start in range(0, 40, 10):
            answers = at_once(
                *[lambda w=w, at=start: tus.patch(url, at, content_of(w, 10)) for w in range(4)]
            )
            [winner] = [w for w, answer in enumerate(answers) if answer.status == 204]
            expected += content_of(winner, 10)
        assert tus.content(url) == expected

    def test_the_upload_is_completed_once(self, tus, round_, completions):
        url = tus.start(5)
        at_once(*[lambda: tus.patch(url, 0, b"hello")] * 8)
        assert completions(url) == 1


@ROUNDS
class TestFinals:
    def test_that_are_the_same_are_one_file_that_is_completed_once(self, tus, round_, completions):
        parts = [tus.partial(b"hello"), tus.partial(b"world")]
        answers = at_once(*[lambda: tus.final(*parts)] * 8)
        assert {answer.status for answer in answers} == {201}
        [url] = {answer.location for answer in answers}
        assert (tus.content(url), completions(url)) == (b"helloworld", 1)

    def test_whose_last_parts_end_together_are_completed_once(self, tus, round_, completions):
        parts = [tus.start(5, Upload_Concat="partial") for _ in range(4)]
        url = tus.final(*parts).location
        at_once(*[lambda part=part: tus.patch(part, 0, b"hello") for part in parts])
        assert (tus.content(url), completions(url)) == (b"hello" * 4, 1)

    def test_that_come_while_their_last_part_ends_are_complete(self, tus, round_, completions):
        part = tus.start(5, Upload_Concat="partial")
        _, answer = at_once(lambda: tus.patch(part, 0, b"hello"), lambda: tus.final(part))
        assert tus.content(answer.location) == b"hello"
        assert completions(answer.location) == 1

    def test_that_come_while_a_part_is_deleted_are_whole_or_refused(self, tus, round_):
        parts = [tus.partial(b"hello"), tus.partial(b"world")]
        answer, _ = at_once(lambda: tus.final(*parts), lambda: tus.delete(parts[1]))
        if answer.status == 201:
            assert tus.content(answer.location) == b"helloworld"
        else:
            assert answer.status in {400, 404, 410}

    def test_of_parts_that_came_in_parallel_are_right(self, tus, round_):
        contents = [content_of(number, MIB + number) for number in range(4)]
        parts = at_once(*[lambda content=content: tus.partial(content) for content in contents])
        assert tus.content(tus.final(*parts).location) == b"".join(contents)


@ROUNDS
class TestADelete:
    def test_and_a_patch_leave_nothing(self, tus, round_):
        url = tus.start(MIB)
        patched, deleted = at_once(lambda: tus.patch(url, 0, bytes(MIB)), lambda: tus.delete(url))
        assert (patched.status in {204, 404, 409, 410, 423}, deleted.status) == (True, 204)
        assert (tus.head(url).status, tus.get(url).status) == (410, 410)

    def test_and_the_same_again_are_done_once(self, tus, round_):
        url = tus.upload(b"hello")
        statuses = [answer.status for answer in at_once(*[lambda: tus.delete(url)] * 4)]
        assert statuses.count(204) == 1
        assert set(statuses) - {204} <= {404, 410}


@ROUNDS
def test_a_quota_is_not_outrun(tus, organisation, round_):
    urls = [tus.start(6) for _ in range(4)]
    organisation.storage_quota = 10
    organisation.save()
    answers = at_once(*[lambda url=url: tus.patch(url, 0, b"sixsix") for url in urls])
    assert sorted(answer.status for answer in answers) == [204, 413, 413, 413]
