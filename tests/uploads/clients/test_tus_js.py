"""Uploads by tus-js-client, in one go."""

import pytest

from tests.uploads.clients.conftest import MIB

WAYS = {
    "in one piece": {},
    "in small pieces": {"chunkSize": 3 * MIB},
    "with data in the creation": {"uploadDataDuringCreation": True},
    "with POST for PATCH": {"overridePatchMethod": True},
}


@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_uploads_a_file(tus_js, film, is_kept_once, options, parallel):
    run = tus_js.upload(film, options=options | {"parallelUploads": parallel})
    is_kept_once(run.url, film)
    if "overridePatchMethod" in options:
        assert set(run.methods) == {"POST"}
    if parallel == 4:
        concat = [request["concat"] for request in run.requests]
        assert concat.count("partial") == len(run.requests) - 1
        assert concat[-1].startswith("final;")


def test_uploads_a_stream_whose_length_it_learns_at_the_end(tus_js, film, is_kept_once):
    run = tus_js.upload(
        film, stream=True, options={"uploadLengthDeferred": True, "chunkSize": 3 * MIB}
    )
    is_kept_once(run.url, film)


def test_uploads_several_files_at_once(tus_js, account, make_file):
    films = [make_file(f"film {number}.mp4", mib=number) for number in range(1, 6)]
    run = tus_js.upload(*films, options={"parallelUploads": 2})
    for upload, film in zip(run.uploads, films, strict=True):
        assert account.has(upload["url"], film)
    assert account.sizes_listed() == [film.stat().st_size for film in films]


def test_deletes_a_file_that_was_uploaded_in_parts(tus_js, account, film):
    run = tus_js.upload(film, options={"parallelUploads": 4}, delete=True)
    assert [r["status"] for r in run.requests if r["method"] == "DELETE"] == [204] * 5
    deleted = [r["url"] for r in run.requests if r["method"] == "DELETE"]
    assert all(account.has_lost(url) for url in deleted)
    assert account.has_lost(run.url)
    assert account.sizes_listed() == []
