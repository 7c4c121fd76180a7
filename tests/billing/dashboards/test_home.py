"""The way in."""

import pytest
from django.test import Client

from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_a_visitor_reads_what_it_is_and_may_sign_in():
    page = Client().get("/")
    assert b"Catacloud meters what organisations use" in page.content
    assert b'href="/login/"' in page.content


def test_an_operator_comes_to_the_overview(as_user, operator):
    assert as_user(operator).get("/").headers["Location"] == "/overview/"


def test_a_customer_comes_to_their_own_usage(as_user, member):
    assert as_user(member).get("/").headers["Location"] == "/organisations/acme/usage/"


def test_someone_without_an_organisation_reads_what_to_do():
    client = Client()
    client.force_login(make_user("alone@example.org"))
    assert b"You belong to no organisation yet." in client.get("/").content
