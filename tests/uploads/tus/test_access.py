"""Who may, and ids that are none: tusd leaves the one to hooks, and has no test of the other."""

from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from catacloud.accounts.models import ApiKey
from tests.factories import make_user
from tests.uploads.tus.client import Tus
from tests.uploads.tus.limits import MAX_SIZE

TOKEN = "a" * 32
NO_IDS = [
    "x",
    "1",
    "00000000-0000-0000-0000-00000000000",
    "..",
    "../..",
    "../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%5c..%5cboot.ini",
    "%00",
    "a%00b",
    "a%0d%0aX-Evil:%201",
    "x" * 3000,
]


@pytest.fixture
def url(tus):
    return tus.upload(b"hello")


@pytest.fixture
def requests():
    """Return every request that can be made of an upload, and its endpoint, by whoever asks."""

    def all_of(who, url, **headers):
        endpoint = url.rpartition("/")[0] + "/"
        return {
            "head": lambda: who.head(url, **headers),
            "patch": lambda: who.patch(url, 0, b"HELLO", **headers),
            "delete": lambda: who.delete(url, **headers),
            "get": lambda: who.get(url, **headers),
            "create": lambda: who.send("POST", endpoint, headers={"Upload-Length": "5", **headers}),
        }

    return all_of


EVERY_REQUEST = pytest.mark.parametrize("name", ["head", "patch", "delete", "get", "create"])


@EVERY_REQUEST
class TestWithoutAKey:
    @pytest.mark.parametrize(
        "key", [None, "", "Bearer", "Bearer ", "Bearer cck_", "Bearer cck_01234567_x", "Basic YTpi"]
    )
    def test_is_401_and_told_what_is_wanted(self, tus, url, requests, name, key):
        answer = requests(tus, url, Authorization=key)[name]()
        assert answer.status == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert tus.content(url) == b"hello"

    def test_does_not_learn_what_exists(self, tus, requests, name):
        for slug in (tus.slug, "no-such-organisation"):
            url = f"/files/{slug}/{uuid4()}"
            assert requests(tus, url, Authorization=None)[name]().status == 401

    def test_does_not_come_back_with_a_revoked_key(self, tus, url, organisation, requests, name):
        ApiKey.objects.filter(organisation=organisation).update(revoked_at=timezone.now())
        assert requests(tus, url)[name]().status == 401


@EVERY_REQUEST
class TestAStranger:
    def test_finds_nothing_at_an_address_of_ours(self, tus, strange, url, requests, name):
        assert requests(strange, url)[name]().status == 404
        assert tus.content(url) == b"hello"

    def test_finds_nothing_at_an_organisation_that_does_not_exist(self, strange, requests, name):
        assert requests(strange, f"/files/no-such-one/{uuid4()}")[name]().status == 404


@pytest.mark.parametrize("name", ["head", "patch", "delete", "get"])
def test_a_stranger_finds_nothing_of_ours_under_an_address_of_his_own(
    tus, strange, url, requests, name
):
    his = strange.endpoint + url.rpartition("/")[2]
    assert requests(strange, his)[name]().status == 404
    assert tus.content(url) == b"hello"


def test_a_preflight_does_not_tell_which_organisations_exist(tus):
    answers = [
        tus.options(path, Authorization=None)
        for path in (tus.endpoint, "/files/no-such-organisation/")
    ]
    assert answers[0].status == answers[1].status


class TestAPerson:
    @pytest.fixture
    def signed_in(self, server, organisation):
        def as_member_of(whose):
            user = make_user(f"member@{whose.slug}.example.org", organisation=whose)
            browser = Client()
            browser.force_login(user)
            cookies = f"sessionid={browser.cookies['sessionid'].value}; csrftoken={TOKEN}"
            who = {"Cookie": cookies, "X-CSRFToken": TOKEN}
            return Tus(server.port, organisation.slug, who)

        return as_member_of

    @pytest.fixture
    def person(self, signed_in, organisation):
        return signed_in(organisation)

    def test_uploads_and_downloads_in_a_session(self, person):
        assert person.content(person.upload(b"hello")) == b"hello"

    def test_sees_what_the_program_uploaded(self, person, url):
        assert person.content(url) == b"hello"

    def test_deletes_in_a_session(self, person, url):
        assert person.delete(url).status == 204

    @pytest.mark.parametrize("token", [None, "b" * 32, "x"])
    @pytest.mark.parametrize("name", ["patch", "delete", "create"])
    def test_is_not_made_to_act_by_another_site(self, tus, person, url, requests, name, token):
        assert requests(person, url, **{"X-CSRFToken": token})[name]().status == 403
        assert tus.content(url) == b"hello"

    @pytest.mark.parametrize("name", ["head", "get"])
    def test_needs_no_token_to_look(self, person, url, requests, name):
        assert requests(person, url, **{"X-CSRFToken": None})[name]().status == 200

    @EVERY_REQUEST
    def test_of_another_organisation_finds_nothing(
        self, tus, signed_in, stranger, url, requests, name
    ):
        assert requests(signed_in(stranger), url)[name]().status == 404
        assert tus.content(url) == b"hello"

    def test_may_upload_more_than_django_reads_into_memory(self, person):
        assert person.upload(bytes(MAX_SIZE))


@pytest.mark.parametrize("no_id", NO_IDS, ids=range(len(NO_IDS)))
@pytest.mark.parametrize("name", ["head", "patch", "delete", "get"])
def test_an_id_that_is_none_is_404_wherever_it_points(tus, requests, name, no_id):
    answer = requests(tus, f"{tus.endpoint}{no_id}")[name]()
    assert answer.status in {400, 404, 405}
    assert answer["X-Evil"] is None
