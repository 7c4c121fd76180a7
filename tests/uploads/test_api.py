"""The list of an organisation's files, for programs."""

import pytest

from catacloud.accounts.api_keys import create_api_key
from tests.factories import make_organisation
from tests.uploads.examples import HOUR, NOON, add
from uploads import ending

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ask(acme, client):
    def ask(path, *, key_of=acme):
        key = create_api_key(organisation=key_of, name="test", now=NOON)
        return client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {key}"})

    return ask


def names(answer):
    return [item["name"] for item in answer.json()["items"]]


def test_the_newest_file_comes_first(acme, ask):
    for hour, name in enumerate("abc"):
        add(acme, b"hello", name=name, now=NOON + hour * HOUR)
    assert names(ask("/files")) == ["c", "b", "a"]


def test_pages_lead_to_each_other(acme, ask):
    for hour, name in enumerate("abc"):
        add(acme, b"hello", name=name, now=NOON + hour * HOUR)
    first = ask("/files?limit=2")
    second = ask(first.json()["next"].removeprefix("/api/v1"))
    assert (names(first), names(second)) == (["c", "b"], ["a"])
    assert second.json()["next"] is None


def test_a_file_says_where_its_bytes_are(acme, ask):
    file_id = add(acme, b"hello", name="a.txt", content_type="text/plain")
    file = ask(f"/files/{file_id}").json()
    assert (file["name"], file["content_type"], file["size"]) == ("a.txt", "text/plain", 5)
    assert file["links"]["content"] == f"/files/{acme.slug}/{file_id}"


def test_a_deleted_file_is_not_there(acme, ask):
    file_id = add(acme, b"hello")
    ending.delete(organisation=acme, upload_id=file_id, now=NOON)
    assert ask(f"/files/{file_id}").status_code == 404
    assert names(ask("/files")) == []


@pytest.mark.parametrize("file_id", ["x", "../x"])
def test_what_is_no_id_is_not_there(ask, file_id):
    assert ask(f"/files/{file_id}").status_code == 404


def test_another_organisation_s_file_is_not_there(acme, ask):
    theirs = add(make_organisation("Globex"), b"hello")
    assert ask(f"/files/{theirs}").status_code == 404
    assert names(ask("/files")) == []


def test_another_organisation_is_not_there(ask):
    assert ask(f"/files?organisation={make_organisation('Globex').slug}").status_code == 404


def test_a_platform_key_names_the_organisation(acme, ask):
    add(acme, b"hello", name="a.txt")
    assert ask("/files", key_of=None).status_code == 400
    assert names(ask(f"/files?organisation={acme.slug}", key_of=None)) == ["a.txt"]
