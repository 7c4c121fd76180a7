"""Answers to tusd's post_test.go; its WithUpload is in test_creation_with_upload.py."""

import re

import pytest

from tests.uploads.tus.limits import MAX_SIZE

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NO_NUMBERS = ["-5", "-0", "+5", "", " ", "abc", "5.0", "1e3", "0x10", "1_000", "5,5", "٥"]
FORWARDED = {
    "X-Forwarded-Host": "foo.com",
    "X-Forwarded-Proto": "https",
    "Forwarded": "for=192.0.2.1;host=bar.com;proto=https",
}


def created_by(tus, headers):
    """Create an upload; return status and address of an answer that may be no problem JSON."""
    with tus.connection() as http:
        http.request("POST", tus.endpoint, headers=tus.headers({"Upload-Length": "300", **headers}))
        answer = http.getresponse()
    return answer.status, answer.headers["Location"]


class TestLocation:
    def test_is_the_absolute_address_of_the_new_upload(self, tus):
        url = tus.create(300).location
        assert re.fullmatch(rf"http://127\.0\.0\.1:{tus.port}{tus.endpoint}{UUID}", url)

    def test_is_another_for_each_upload(self, tus):
        assert tus.start(300) != tus.start(300)

    @pytest.mark.parametrize("header", FORWARDED)
    def test_does_not_believe_a_client_that_says_to_be_a_proxy(self, tus, header):
        url = tus.create(300, **{header: FORWARDED[header]}).location
        assert url.startswith(f"http://127.0.0.1:{tus.port}/")

    def test_believes_the_proxy_when_told_to(self, other):
        assert other.create(300, X_Forwarded_Proto="https").location.startswith("https://")

    def test_bears_the_host_that_the_proxy_names(self, other):
        location = other.create(300, X_Forwarded_Host="files.example.org").location
        assert location.startswith(f"http://files.example.org{other.endpoint}")

    def test_bears_no_host_that_is_not_ours_whoever_names_it(self, other):
        assert created_by(other, {"X-Forwarded-Host": "evil.example.com"}) == (400, None)

    def test_believes_no_scheme_that_is_none(self, other):
        assert other.create(300, X_Forwarded_Proto="javascript").location.startswith("http://")

    def test_names_no_host_that_is_not_ours(self, tus):
        assert created_by(tus, {"Host": "evil.example.com"}) == (400, None)


def test_creates_an_upload_of_the_length(tus):
    answer = tus.create(300)
    assert (answer.status, answer.body) == (201, b"")
    assert tus.head(answer.location)["Upload-Length"] == "300"


def test_creates_the_same_without_the_last_slash_of_the_endpoint(tus):
    answer = tus.send("POST", tus.endpoint.rstrip("/"), headers={"Upload-Length": "5"})
    assert answer.status in {201, 404}  # but no redirect, which would lose the method


class TestAnEmptyUpload:
    def test_is_complete_at_once(self, tus):
        assert tus.content(tus.create(0).location) == b""

    def test_is_completed_once(self, tus, completions):
        assert completions(tus.create(0).location) == 1

    def test_does_not_expire(self, tus):
        assert tus.create(0)["Upload-Expires"] is None


class TestLength:
    @pytest.mark.parametrize("length", NO_NUMBERS)
    def test_is_a_number_or_400(self, tus, length):
        headers = {"Upload-Length": length.encode().decode("latin-1")}
        assert tus.send("POST", tus.endpoint, headers=headers).status == 400

    def test_may_be_the_maximum(self, tus):
        assert tus.create(MAX_SIZE).status == 201

    @pytest.mark.parametrize("length", [MAX_SIZE + 1, 2**62])
    def test_above_the_maximum_is_413_and_the_maximum_is_said(self, tus, length):
        answer = tus.create(length)
        assert (answer.status, answer["Location"]) == (413, None)
        assert str(MAX_SIZE) in answer.problem["detail"]

    @pytest.mark.parametrize("length", [2**63 - 1, 2**63, 2**64, 10**30, "9" * 5000])
    def test_of_absurdly_many_digits_is_refused(self, tus, length):
        assert tus.create(length).status in {400, 413}

    def test_is_not_both_known_and_deferred(self, tus):
        assert tus.create(10, Upload_Defer_Length="1").status == 400

    def test_is_known_or_deferred(self, tus):
        assert tus.create().status == 400

    @pytest.mark.parametrize("value", ["bad", "", "0", "2", "-1", "true", "11"])
    def test_is_deferred_by_1_alone(self, tus, value):
        assert tus.create(Upload_Defer_Length=value).status == 400

    def test_may_be_deferred(self, tus):
        assert tus.create(Upload_Defer_Length="1").status == 201


class TestQuota:
    @pytest.fixture(autouse=True)
    def quota(self, organisation):
        organisation.storage_quota = 10
        organisation.save()

    def test_refuses_what_is_over_it_with_a_sentence(self, tus):
        answer = tus.create(11)
        assert (answer.status, answer["Location"]) == (413, None)
        assert "may keep 10\xa0bytes" in answer.problem["detail"]

    def test_lets_pass_what_just_fills_it(self, tus):
        assert tus.content(tus.upload(b"ten bytes!")) == b"ten bytes!"

    def test_counts_what_is_stored_already(self, tus):
        tus.upload(b"hello")
        assert tus.create(6).status == 413

    def test_counts_the_bytes_of_unfinished_uploads(self, tus):
        tus.patch(tus.start(10), 0, b"eight by")
        assert tus.create(3).status == 413

    def test_refuses_a_patch_by_its_length_where_none_was_declared(self, tus):
        url = tus.start(None)
        assert tus.patch(url, 0, b"eleven byte").status == 413
        assert tus.head(url).offset == 0

    def test_stops_a_patch_of_unknown_length_at_it(self, tus):
        url = tus.start(None)
        assert tus.patch(url, 0, [b"eight by", b"te and more"]).status == 413
        assert (tus.head(url).offset or 0) <= 10

    def test_is_not_the_neighbour_s(self, tus, strange):
        assert strange.create(11).status == 201

    def test_is_not_used_twice_by_the_parts_of_a_final(self, tus):
        parts = [tus.partial(b"hello"), tus.partial(b"world")]
        assert tus.content(tus.final(*parts).location) == b"helloworld"
