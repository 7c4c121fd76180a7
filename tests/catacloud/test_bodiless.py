import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from catacloud.bodiless import BodilessMiddleware


def answer(response, *, method="HEAD", path="/api/v1/meters"):
    return BodilessMiddleware(lambda request: response)(RequestFactory().generic(method, path))


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/meters", "/api/v1/events", "/api/v2/events"])
def test_head_of_a_list_has_the_headers_of_get_and_no_body(acme, path):
    key = create_api_key(organisation=acme, name="tests", now=timezone.now())
    ask = {"path": path, "headers": {"authorization": f"Bearer {key}"}}
    head, get = Client().head(**ask), Client().get(**ask)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers
    assert Client().head(path).status_code == 401


def test_head_takes_what_is_streamed_for_no_body_and_asks_for_none_of_it():
    streamed = StreamingHttpResponse(iter([b"a"]), content_type="text/csv")
    assert b"".join(answer(streamed)) == b""
    assert streamed["Content-Type"] == "text/csv"


def test_a_page_answers_head_by_itself():
    page = HttpResponse("page")
    assert answer(page, path="/login/").content == b"page"


def test_no_content_has_no_type():
    assert "Content-Type" not in answer(HttpResponse(status=204), method="POST").headers
