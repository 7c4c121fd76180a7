"""Addresses hold what was chosen, and no more."""

import pytest
from django.http import QueryDict

from catacloud.addresses import tidy

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("", None),
        ("status=paid&q=a+b", None),
        ("status=paid&year=&q=", "status=paid"),
        ("year=&q=+", ""),
        ("q=" + "x" * 11, "q=" + "x" * 10),
        ("id=" + "x" * 501, "id=" + "x" * 500),
        ("by=a&by=&by=b", "by=a&by=b"),
        ("q=%00&by=a%00b", "by=ab"),
    ],
)
def test_what_is_empty_or_overlong_is_left_out(asked, kept):
    assert tidy(QueryDict(asked), {"q": 10}) == kept


@pytest.mark.parametrize(
    "path",
    ["/organisations/acme/events/", "/events/", "/organisations/acme/invoices/", "/overview/"],
)
def test_a_form_without_a_script_leads_to_what_was_chosen(as_user, operator, acme, path):
    answer = as_user(operator).get(f"{path}?q=abc&from=&year=")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{path}?q=abc")


def test_an_overlong_search_of_invoices_is_nowhere_on_the_page(as_user, owner, acme):
    page = as_user(owner).get("/organisations/acme/invoices/", {"q": "y" * 90}, follow=True)
    assert "y" * 60 in page.content.decode()
    assert "y" * 61 not in page.content.decode()


def test_a_page_that_does_not_exist_for_who_asks_leads_nowhere_else(as_user, stranger, acme):
    answer = as_user(stranger).get("/organisations/acme/events/?id=", follow=True)
    assert answer.status_code == 404
