"""Answers to tusd's terminate_test.go; a part's end is in test_finals.py, a race in test_races.py.

tusd's RejectTermination and NotProvided are left out: here nothing can refuse or lack it.
"""

from uuid import uuid4

import pytest


@pytest.fixture(params=["new", "half", "of unknown length", "complete", "empty"])
def url(request, tus):
    """The address of an upload in every state that one can be in."""
    started = {
        "new": lambda: tus.start(5),
        "half": lambda: tus.start(5),
        "of unknown length": lambda: tus.start(None),
        "complete": lambda: tus.upload(b"hello"),
        "empty": lambda: tus.upload(),
    }[request.param]()
    if request.param == "half":
        tus.patch(started, 0, b"hel")
    return started


def test_deletes_an_upload_in_any_state(tus, url):
    answer = tus.delete(url)
    assert (answer.status, answer.body) == (204, b"")


class TestADeletedUpload:
    @pytest.fixture
    def gone(self, tus, url):
        assert tus.delete(url).status == 204
        return url

    def test_is_gone_for_a_head_which_then_has_no_offset(self, tus, gone):
        answer = tus.head(gone)
        assert (answer.status, answer["Upload-Offset"]) == (410, None)

    def test_is_gone_for_a_patch(self, tus, gone):
        assert tus.patch(gone, 0, b"hello").status == 410

    def test_is_gone_for_a_download(self, tus, gone):
        assert tus.get(gone).status == 410

    def test_is_gone_for_a_second_delete(self, tus, gone):
        assert tus.delete(gone).status == 410

    def test_still_does_not_exist_for_a_stranger(self, tus, strange, gone):
        assert strange.head(gone).status == 404


def test_deletes_no_other_upload(tus):
    kept, deleted = tus.upload(b"kept"), tus.upload(b"deleted")
    tus.delete(deleted)
    assert tus.content(kept) == b"kept"


def test_an_unknown_upload_is_404(tus):
    assert tus.delete(f"{tus.endpoint}{uuid4()}").status == 404


def test_the_endpoint_itself_cannot_be_deleted(tus):
    assert tus.delete(tus.endpoint).status == 405


def test_a_client_that_cannot_delete_may_post_it(tus):
    url = tus.start(5)
    answer = tus.send("POST", url, headers={"X-HTTP-Method-Override": "DELETE"})
    assert (answer.status, tus.head(url).status) == (204, 410)


def test_gives_the_quota_back(tus, organisation):
    organisation.storage_quota = 8
    organisation.save()
    url = tus.upload(b"hello")
    assert tus.create(5).status == 413
    tus.delete(url)
    assert tus.create(5).status == 201
