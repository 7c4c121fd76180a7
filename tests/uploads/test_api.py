import json
from uuid import UUID

import pytest
from django.http import HttpRequest

from catacloud.accounts.api_keys import create_api_key
from tests.factories import make_organisation
from tests.uploads.examples import NOON, put
from uploads import commands

pytestmark = pytest.mark.django_db

FILES = "/api/v1/files"


@pytest.fixture
def acme(db):
    return make_organisation("Acme")


@pytest.fixture
def api(client, acme):
    """Django's client with a key of Acme."""
    return with_key(client, acme)


def with_key(client, organisation):
    key = create_api_key(organisation=organisation, name="test", now=NOON)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def post(api, path, body=None):
    return api.post(path, data=body, content_type="application/json")


def put_part(api, file_id, number, content: bytes, **extra):
    return api.put(
        f"{FILES}/{file_id}/parts/{number}", content, "application/octet-stream", **extra
    )


def make_file(organisation, *contents: bytes, name="a.txt", content_type="text/plain"):
    file_id = commands.start_file(
        organisation=organisation, name=name, content_type=content_type, now=NOON
    )
    for number, content in enumerate(contents, 1):
        put(organisation, file_id, number, content)
    if contents:
        commands.complete_file(organisation=organisation, file_id=file_id, now=NOON)
    return file_id


def is_problem(response, status):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    return json.loads(response.content)


def test_upload_and_download_by_the_links(api):
    response = post(api, FILES, {"name": "a.bin"})
    assert response.status_code == 201
    links = response.json()["links"]
    assert response["Location"] == links["self"]

    for number, content in ((2, b"two"), (1, b"one")):
        answer = api.put(links["part"].format(number=number), content, "text/whatever")
        assert answer.status_code == 200
        assert (answer.json()["number"], answer.json()["size"]) == (number, 3)
    assert len(answer.json()["sha256"]) == 64

    done = post(api, links["complete"], {"parts": 2, "size": 6})
    assert (done.status_code, done.json()["size"]) == (200, 6)
    assert api.get(links["self"]).json() == done.json()
    download = api.get(links["content"])
    assert download.getvalue() == b"onetwo"
    assert download["Content-Length"] == "6"

    assert api.delete(links["self"]).status_code == 204
    assert api.delete(links["self"]).status_code == 204
    is_problem(api.get(links["content"]), 404)
    is_problem(api.get(links["self"]), 404)


class TestStart:
    @pytest.mark.parametrize(
        "body", [{}, {"name": ""}, {"name": "a\r\nb"}, {"name": "a", "content_type": "none"}, "["]
    )
    def test_refuses_what_makes_no_file(self, api, body):
        is_problem(post(api, FILES, body), 400)


class TestPutPart:
    @pytest.mark.parametrize(
        ("number", "status"), [("0", 400), ("10001", 400), ("-1", 400), ("one", 400)]
    )
    def test_refuses_a_number_that_is_none(self, api, acme, number, status):
        is_problem(put_part(api, make_file(acme), number, b"x"), status)

    @pytest.mark.parametrize("length", ["", "-3", "many"])
    def test_wants_to_know_the_length(self, api, acme, length):
        response = put_part(api, make_file(acme), 1, b"abc", CONTENT_LENGTH=length)
        is_problem(response, 411)

    def test_refuses_a_large_part_before_it_reads(self, api, acme, settings, monkeypatch):
        settings.MAX_PART_BYTES = 2
        monkeypatch.delattr(HttpRequest, "read")
        body = is_problem(put_part(api, make_file(acme), 1, b"abc"), 413)
        assert body["max_bytes"] == 2

    def test_refuses_more_parts_of_a_complete_file(self, api, acme):
        body = is_problem(put_part(api, make_file(acme, b"one"), 2, b"two"), 409)
        assert body["detail"] == "The file is complete and takes no more parts."


class TestComplete:
    def test_needs_no_body_and_may_be_repeated(self, api, acme):
        path = f"{FILES}/{make_file(acme, b'one')}/complete"
        first = api.post(path, content_type="application/octet-stream")  # no body at all
        assert (first.status_code, first.json()) == (200, post(api, path, {}).json())

    @pytest.mark.parametrize("expected", [{"parts": 2}, {"size": 9}])
    def test_refuses_another_file_than_is_meant(self, api, acme, expected):
        is_problem(post(api, f"{FILES}/{make_file(acme, b'one')}/complete", expected), 409)

    def test_refuses_without_parts(self, api, acme):
        is_problem(post(api, f"{FILES}/{make_file(acme)}/complete"), 409)


class TestList:
    def test_goes_page_by_page_and_leaves_out_what_is_deleted(self, api, acme):
        ids = {str(make_file(acme)) for _ in range(5)}
        gone = make_file(acme)
        commands.delete_file(organisation=acme, file_id=gone, now=NOON)
        make_file(make_organisation("Stranger"))

        seen, address, pages = [], f"{FILES}?limit=2", 0
        while address:
            page = api.get(address).json()
            seen += [file["id"] for file in page["items"]]
            address, pages = page["next"], pages + 1
        assert (sorted(seen), pages) == (sorted(ids), 3)

    def test_refuses_a_silly_limit(self, api):
        body = is_problem(api.get(f"{FILES}?limit=0"), 400)
        assert body["errors"][0]["field"] == "limit"


class TestDownload:
    @pytest.mark.parametrize(
        ("name", "header"),
        [
            ("a.txt", 'attachment; filename="a.txt"'),
            ('"; rm -rf.html', 'attachment; filename="\\"; rm -rf.html"'),
            ("żółć.pdf", "attachment; filename*=utf-8''%C5%BC%C3%B3%C5%82%C4%87.pdf"),
        ],
    )
    def test_is_an_attachment_whatever_the_name(self, api, acme, name, header):
        file_id = make_file(acme, b"<script>", name=name, content_type="text/html")
        response = api.get(f"{FILES}/{file_id}/content")
        assert response["Content-Disposition"] == header
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response.getvalue() == b"<script>"

    def test_is_not_sent_again_to_who_has_it(self, api, acme):
        path = f"{FILES}/{make_file(acme, b'one')}/content"
        etag = api.get(path)["ETag"]
        assert api.get(path, HTTP_IF_NONE_MATCH=etag).status_code == 304

    def test_refuses_an_unfinished_file(self, api, acme):
        is_problem(api.get(f"{FILES}/{make_file(acme)}/content"), 409)


class TestWho:
    def every_request(self, api, file_id, query=""):
        path = f"{FILES}/{file_id}"
        return [
            api.get(f"{path}{query}"),
            api.get(f"{path}/content{query}"),
            api.put(f"{path}/parts/1{query}", b"x", "text/plain"),
            post(api, f"{path}/complete{query}"),
            api.delete(f"{path}{query}"),
        ]

    def test_a_stranger_finds_nothing(self, client, acme):
        file_id = make_file(acme, b"secret")
        stranger = with_key(client, make_organisation("Stranger"))
        for response in self.every_request(stranger, file_id):
            is_problem(response, 404)
        is_problem(stranger.get(f"{FILES}?organisation=acme"), 404)
        assert stranger.get(FILES).json()["items"] == []
        assert commands.load_file(organisation=acme, file_id=file_id).size == 6

    @pytest.mark.parametrize("file_id", [str(UUID(int=7)), "7", "..%2F..%2Fetc%2Fpasswd"])
    def test_an_id_that_is_nobodys(self, api, file_id):
        for response in self.every_request(api, file_id):
            is_problem(response, 404)

    def test_nobody_without_a_key(self, client, acme):
        for response in self.every_request(client, make_file(acme)):
            is_problem(response, 401)

    def test_a_platform_key_names_the_organisation(self, client, acme):
        file_id = make_file(acme, b"one")
        platform = with_key(client, None)
        assert platform.get(f"{FILES}/{file_id}?organisation=acme").status_code == 200
        is_problem(platform.get(f"{FILES}/{file_id}?organisation=nobody"), 404)
        is_problem(platform.get(f"{FILES}/{file_id}?organisation=%00"), 400)
        for response in self.every_request(platform, file_id):
            is_problem(response, 400)
