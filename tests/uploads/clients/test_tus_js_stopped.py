"""Uploads by tus-js-client that are stopped, cut off or given up, and what comes after."""

from dataclasses import replace

import pytest

from tests.uploads.clients.conftest import MIB

PARTS = {"parallelUploads": 4}
AT_ONCE = {"retryDelays": []}  # it does not try again: the person does


@pytest.fixture
def long_film(make_file):
    return make_file(mib=64)


@pytest.mark.parametrize("parallel", [1, 4])
def test_resumes_in_a_new_process_what_was_stopped_inside_a_piece(
    tus_js, account, wire, long_film, is_kept_once, parallel
):
    wired = replace(tus_js, endpoint=account.endpoint_at(wire.port))
    options = {"parallelUploads": parallel}
    wire.stall_after(32 * MIB)  # or all of it might be there before the client hears of 16 MiB
    stopped = wired.upload(long_film, options=options, stopAt=16 * MIB)
    wire.release()
    assert stopped.uploads == [{"stopped": True}]
    assert account.sizes_listed() == []

    resumed = wired.upload(long_film, options=options)
    assert resumed.methods[:parallel] == ["HEAD"] * parallel
    assert resumed.methods.count("POST") == (parallel > 1)  # no part anew, only the final
    assert max(resumed.offsets()) > 0
    is_kept_once(resumed.url, long_film)


@pytest.mark.parametrize("parallel", [1, 4])
def test_goes_on_by_itself_after_the_connection_broke_inside_a_piece(
    tus_js, account, wire, long_film, is_kept_once, parallel
):
    wired = replace(tus_js, endpoint=account.endpoint_at(wire.port))
    wire.break_after(16 * MIB)
    run = wired.upload(long_film, options={"parallelUploads": parallel})
    assert wire.broken.is_set()
    assert "HEAD" in run.methods
    is_kept_once(run.url, long_film)


@pytest.mark.parametrize("parallel", [1, 4])
def test_gives_up_for_good_and_nothing_is_left(tus_js, account, long_film, parallel):
    run = tus_js.upload(
        long_film, options={"parallelUploads": parallel}, stopAt=16 * MIB, delete=True
    )
    deleted = [r for r in run.requests if r["method"] == "DELETE"]
    assert [r["status"] for r in deleted] == [204] * parallel
    assert all(account.has_lost(r["url"]) for r in deleted)
    assert account.sizes_listed() == []


def test_a_final_whose_reply_was_lost_is_repeated_and_gives_one_file(
    tus_js, account, wire, film, is_kept_once
):
    wired = replace(tus_js, endpoint=account.endpoint_at(wire.port))
    wire.lose_the_reply_to(b"Upload-Concat: final")
    lost = wired.upload(film, options=PARTS | AT_ONCE)
    assert "error" in lost.uploads[0]
    assert account.sizes_listed() == [film.stat().st_size]

    repeated = wired.upload(film, options=PARTS | AT_ONCE)
    assert repeated.methods == ["HEAD"] * 4 + ["POST"]  # not a byte of it is sent again
    is_kept_once(repeated.url, film)


def test_a_creation_whose_reply_was_lost_is_repeated_and_gives_one_file(
    tus_js, account, wire, film
):
    wired = replace(tus_js, endpoint=account.endpoint_at(wire.port))
    wire.lose_the_reply_to(b"POST /files/")
    run = wired.upload(film)
    assert account.has(run.url, film)
    assert account.sizes_listed() == [film.stat().st_size]
