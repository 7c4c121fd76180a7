"""Signing in and out."""

import pytest
from django.test import Client

from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


class TestSignIn:
    def test_leads_to_the_page_that_was_asked_for(self, member):
        answer = Client().post(
            "/login/", {"username": member.email, "password": PASSWORD, "next": "/organisations/"}
        )
        assert answer.headers["Location"] == "/organisations/"

    def test_never_leads_to_another_site(self, member):
        answer = Client().post(
            "/login/",
            {"username": member.email, "password": PASSWORD, "next": "https://evil.example/"},
        )
        assert answer.headers["Location"] == "/"

    def test_says_that_it_failed_and_keeps_the_address(self, member):
        page = Client().post("/login/", {"username": member.email, "password": "wrong"})
        assert b"do not belong together" in page.content
        assert f'value="{member.email}"'.encode() in page.content

    def test_an_old_form_gets_a_page_that_says_so(self):
        page = Client(enforce_csrf_checks=True).post("/login/", {})
        assert page.status_code == 403
        assert b"This form is too old." in page.content


class TestSignOut:
    def test_ends_the_session_by_post_only(self, as_user, member):
        client = as_user(member)
        assert client.get("/logout/").status_code == 405
        assert client.post("/logout/").headers["Location"] == "/login/"
        assert client.get("/organisations/acme/usage/").status_code == 302


def test_every_page_forbids_inline_scripts_and_styles():
    policy = Client().get("/login/").headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy


def test_a_page_that_does_not_exist_looks_like_the_site():
    page = Client().get("/nothing/here/")
    assert page.status_code == 404
    assert b"This page does not exist." in page.content
