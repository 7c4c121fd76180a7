"""Answers to tusd's cors_test.go. Methods and headers are fixed: only origins are a setting."""

import pytest

from tests.uploads.tus.client import Answer, path_of
from tests.uploads.tus.limits import MAX_SIZE, ORIGIN

METHODS = {"post", "head", "patch", "delete", "options", "get"}
REQUEST_HEADERS = {
    "authorization",
    "content-type",
    "tus-resumable",
    "upload-length",
    "upload-offset",
    "upload-metadata",
    "upload-defer-length",
    "upload-concat",
    "upload-checksum",
    "x-request-id",
    "x-http-method-override",
    "x-requested-with",
}
RESPONSE_HEADERS = {
    "location",
    "upload-offset",
    "upload-length",
    "upload-metadata",
    "upload-concat",
    "upload-defer-length",
    "upload-expires",
    "tus-version",
    "tus-resumable",
    "tus-extension",
    "tus-max-size",
    "tus-checksum-algorithm",
}
STRANGE_ORIGINS = pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "http://app.example.org",
        "https://app.example.org:444",
        "https://app.example.org.evil.com",
        "https://evil-app.example.org",
        "null",
    ],
)


def preflight(tus, url, *, origin=ORIGIN, method="PATCH"):
    """Ask as a browser asks, without credentials, and for no matter of tus: so is the answer."""
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "x"}
    with tus.connection() as http:
        http.request("OPTIONS", path_of(url), headers={"Origin": origin, **asked})
        response = http.getresponse()
        return Answer(response.status, response.headers, response.read())


def cors_headers(answer):
    return {name.lower() for name in answer.headers if name.lower().startswith("access-control-")}


class TestPreflight:
    @pytest.fixture(params=["the endpoint", "an upload"])
    def answer(self, request, tus):
        return preflight(tus, tus.endpoint if request.param == "the endpoint" else tus.start(5))

    def test_is_200_as_old_browsers_want(self, answer):
        assert answer.status == 200

    def test_allows_the_origin_and_says_that_the_answer_depends_on_it(self, answer):
        assert answer["Access-Control-Allow-Origin"] == ORIGIN
        assert "origin" in answer.names("Vary")

    def test_allows_every_method_of_tus(self, answer):
        assert answer.names("Access-Control-Allow-Methods") >= METHODS

    def test_allows_every_header_that_clients_send(self, answer):
        assert answer.names("Access-Control-Allow-Headers") >= REQUEST_HEADERS

    def test_lasts_a_day(self, answer):
        assert answer["Access-Control-Max-Age"] == "86400"

    def test_does_not_let_another_site_act_with_a_person_s_cookies(self, answer):
        assert answer["Access-Control-Allow-Credentials"] is None


class TestAnswer:
    @pytest.fixture
    def answer(self, tus):
        return tus.create(5, Origin=ORIGIN)

    def test_may_be_read_by_the_origin(self, answer):
        assert (answer.status, answer["Access-Control-Allow-Origin"]) == (201, ORIGIN)
        assert "origin" in answer.names("Vary")

    def test_exposes_every_header_that_clients_read(self, answer):
        assert answer.names("Access-Control-Expose-Headers") >= RESPONSE_HEADERS

    def test_does_not_repeat_what_only_a_preflight_asks(self, answer):
        assert cors_headers(answer) == {
            "access-control-allow-origin",
            "access-control-expose-headers",
        }

    def test_names_the_other_origin_to_the_other_origin(self, tus):
        answer = tus.create(5, Origin="https://other.example.org:8443")
        assert answer["Access-Control-Allow-Origin"] == "https://other.example.org:8443"


class TestError:
    @pytest.fixture(params=["400", "401", "404", "409", "410", "412", "413", "415"])
    def answer(self, request, tus):
        """Ask for each error in turn, from the allowed origin."""
        url = tus.start(5)
        refused = {
            "400": lambda: tus.patch(url, "x", b"hello", Origin=ORIGIN),
            "401": lambda: tus.create(5, Authorization=None, Origin=ORIGIN),
            "404": lambda: tus.head(f"{tus.endpoint}unknown", Origin=ORIGIN),
            "409": lambda: tus.patch(url, 3, b"lo", Origin=ORIGIN),
            "410": lambda: (tus.delete(url), tus.head(url, Origin=ORIGIN))[1],
            "412": lambda: tus.create(5, Tus_Resumable="foo", Origin=ORIGIN),
            "413": lambda: tus.create(MAX_SIZE + 1, Origin=ORIGIN),
            "415": lambda: tus.patch(url, 0, b"x", Content_Type="text/plain", Origin=ORIGIN),
        }[request.param]()
        assert refused.status == int(request.param)
        return refused

    def test_may_be_read_too_or_the_page_would_see_a_broken_network(self, answer):
        assert answer["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.names("Access-Control-Expose-Headers") >= RESPONSE_HEADERS


class TestStrangeOrigin:
    @STRANGE_ORIGINS
    def test_is_allowed_nothing_by_a_preflight(self, tus, origin):
        assert cors_headers(preflight(tus, tus.endpoint, origin=origin)) == set()

    @STRANGE_ORIGINS
    def test_may_not_read_an_answer(self, tus, origin):
        assert cors_headers(tus.head(tus.start(5), Origin=origin)) == set()


class TestWithoutTheSetting:
    @pytest.fixture
    def tus(self, other):
        return other

    def test_a_preflight_allows_nothing(self, tus):
        assert cors_headers(preflight(tus, tus.endpoint)) == set()

    def test_an_answer_may_not_be_read_by_another_site(self, tus):
        assert cors_headers(tus.create(5, Origin=ORIGIN)) == set()

    def test_our_own_pages_need_no_permission(self, tus):
        assert tus.create(5, Origin=f"http://127.0.0.1:{tus.port}").status == 201
