"""Answers to tusd's options_test.go, and to the ExtensionDiscovery of concat and terminate_test.go.

tusd's ExperimentalProtocol (the IETF draft, in all its files) is left out: this is tus 1.0.0.
"""

import pytest

from tests.uploads.tus.limits import MAX_SIZE

EXTENSIONS = {
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "checksum",
    "termination",
    "concatenation",
    "concatenation-unfinished",
}
WRONG_VERSIONS = pytest.mark.parametrize("version", [None, "", "foo", "0.2.2", "1.0.1", "2.0.0"])


@pytest.fixture(params=["the endpoint", "an upload"])
def address(request, tus):
    return tus.endpoint if request.param == "the endpoint" else tus.start(5)


class TestDiscovery:
    def test_is_200(self, tus, address):
        assert tus.options(address).status == 200

    def test_names_the_only_version(self, tus, address):
        assert tus.options(address)["Tus-Version"] == "1.0.0"

    def test_names_every_extension(self, tus, address):
        assert tus.options(address).names("Tus-Extension") == EXTENSIONS

    def test_names_the_maximum_size(self, tus, address):
        assert tus.options(address)["Tus-Max-Size"] == str(MAX_SIZE)

    def test_names_the_checksums(self, tus, address):
        assert tus.options(address).names("Tus-Checksum-Algorithm") == {"sha1", "sha256"}

    @WRONG_VERSIONS
    def test_does_not_mind_the_client_s_version(self, tus, address, version):
        assert tus.options(address, Tus_Resumable=version).status == 200

    def test_asks_for_no_credentials_because_a_browser_s_preflight_has_none(self, tus, address):
        assert tus.options(address, Authorization=None).status == 200


@WRONG_VERSIONS
class TestAnotherVersion:
    def test_creates_nothing(self, tus, version):
        answer = tus.create(5, Tus_Resumable=version)
        assert (answer.status, answer["Location"]) == (412, None)

    def test_stores_nothing(self, tus, version):
        url = tus.start(5)
        assert tus.patch(url, 0, b"hello", Tus_Resumable=version).status == 412
        assert tus.head(url).offset == 0

    def test_deletes_nothing(self, tus, version):
        url = tus.start(5)
        assert tus.delete(url, Tus_Resumable=version).status == 412
        assert tus.head(url).status == 200

    def test_is_told_the_version_that_is_spoken_here(self, tus, version):
        assert tus.create(5, Tus_Resumable=version)["Tus-Version"] == "1.0.0"

    def test_may_look_at_an_upload_as_browsers_do(self, tus, version):
        assert tus.head(tus.start(5), Tus_Resumable=version).offset == 0

    def test_may_download_a_file_as_browsers_do(self, tus, version):
        assert tus.get(tus.upload(b"hello"), Tus_Resumable=version).body == b"hello"


def test_a_method_that_tus_does_not_know_is_405_and_told_which_it_knows(tus, address):
    answer = tus.send("PUT", address, b"hello")
    assert answer.status == 405
    assert "OPTIONS" in answer["Allow"]


def test_a_client_of_the_ietf_s_draft_alone_is_refused_and_leaves_nothing(tus):
    draft = {"Upload-Draft-Interop-Version": "6", "Upload-Complete": "?1", "Tus-Resumable": None}
    answer = tus.send("POST", tus.endpoint, b"hello", draft)
    assert (answer.status, answer["Location"]) == (412, None)
