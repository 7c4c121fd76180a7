import json
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    UnreadablePostError,
)
from django.test import RequestFactory
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError
from ninja.security import HttpBearer
from ninja.testing import TestClient

from catacloud import problems
from catacloud.problems import Problem, ProblemMiddleware


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> str | None:
        return token if token == "right" else None


class Order(Schema):
    item: str
    count: int


def client(*, raising: Exception | None = None) -> TestClient:
    api = NinjaAPI(auth=Bearer(), urls_namespace=f"problems-{raising!r}")
    problems.register(api)

    @api.post("/orders")
    def order(request: HttpRequest, given: Order, page: int = 1) -> Any:
        if raising:
            raise raising
        return {"ok": True}

    return TestClient(api)


def post(client, *, body: object = None, token: str = "right", query: str = ""):
    return client.post(
        f"/orders{query}",
        json={"item": "x", "count": 1} if body is None else body,
        headers={"Authorization": f"Bearer {token}"},
    )


def problem(response):
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert set(body) >= {"type", "title", "status", "detail"}
    assert body["status"] == response.status_code
    return body


class TestAnEndpointThatRaises:
    def test_a_problem_says_what_it_was_given(self):
        raised = Problem(409, "The file is complete.", headers={"Retry-After": "1"}, file="f1")
        response = post(client(raising=raised))
        assert problem(response) == {
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "detail": "The file is complete.",
            "file": "f1",
        }
        assert response["Retry-After"] == "1"

    def test_a_404_does_not_repeat_what_only_the_code_knows(self):
        body = problem(post(client(raising=Http404("No Invoice matches the given query."))))
        assert body["status"] == 404
        assert "Invoice" not in body["detail"]

    def test_an_http_error_keeps_its_status_and_sentence(self):
        body = problem(post(client(raising=HttpError(503, "Come back later."))))
        assert (body["status"], body["detail"]) == (503, "Come back later.")

    @pytest.mark.parametrize(
        ("raised", "status"),
        [(RequestDataTooBig("…"), 413), (UnreadablePostError("reset by peer"), 400)],
    )
    def test_a_body_that_cannot_be_read_is_the_clients_affair(self, raised, status):
        assert problem(post(client(raising=raised)))["status"] == status

    def test_what_nobody_expected_is_logged_and_shows_nothing(self, caplog):
        body = problem(post(client(raising=RuntimeError("password=hunter2"))))
        assert body["status"] == 500
        assert "hunter2" not in json.dumps(body)
        [record] = caplog.records
        assert "hunter2" in caplog.text
        assert record.levelname == "ERROR"


class TestARequest:
    def test_without_a_valid_key_is_told_how_to_send_one(self):
        response = post(client(), token="wrong")
        assert problem(response)["status"] == 401
        assert response["WWW-Authenticate"] == "Bearer"

    def test_that_does_not_validate_lists_every_mistake(self):
        body = problem(post(client(), body={"count": "many"}, query="?page=x"))
        assert body["status"] == 400
        assert {(error["in"], error["field"]) for error in body["errors"]} == {
            ("query", "page"),
            ("body", "item"),
            ("body", "count"),
        }
        assert "item: Field required" in body["detail"]

    def test_that_is_no_json_is_refused(self):
        response = client().post("/orders", body="{", headers={"Authorization": "Bearer right"})
        assert problem(response)["status"] == 400


class TestMiddleware:
    def pass_through(self, response: HttpResponse, path: str = "/api/v1/x"):
        return ProblemMiddleware(lambda request: response)(RequestFactory().get(path))

    def test_a_wrong_method_keeps_the_allowed_ones(self):
        response = self.pass_through(HttpResponseNotAllowed(["GET", "PUT"]))
        assert problem(response)["status"] == 405
        assert response["Allow"] == "GET, PUT"

    @pytest.mark.parametrize(
        ("response", "path"),
        [
            (HttpResponse("fine"), "/api/v1/x"),
            (HttpResponse("a page", status=404), "/invoices/7"),
            (Problem(409, "No.").response(), "/api/v1/x"),
        ],
    )
    def test_leaves_alone_what_is_fine_a_page_or_a_problem_already(self, response, path):
        assert self.pass_through(response, path) is response

    def test_an_unknown_address_of_the_api(self, client):
        assert problem(client.get("/api/v1/nowhere"))["status"] == 404
