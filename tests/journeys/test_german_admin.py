"""Every page of the admin in German, for whoever chose it: nothing on it is said in English."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import override

from tests.journeys.admin_pages import actions, pages
from tests.journeys.one_of_each import make_one_of_each

pytestmark = pytest.mark.django_db

ENGLISH = re.compile(
    r"\b(the|of|and|is|are|to|you|with|has|have|not|which|from|by|who|its|be|add|change)\b",
    re.IGNORECASE,
)
UNSAID = re.compile(r"<(script|pre|code|style|option)\b.*?</\1>", re.DOTALL)

ADDRESS = re.compile(r"[\w.]+@[\w.]+")


@pytest.fixture
def german(operator):
    with override("de"):  # in which the log of what was done is written
        make_one_of_each(by=operator, now=timezone.now())
    operator.language = "de"
    operator.save()
    return operator


def english_in(page: str) -> list[str]:
    """Return what a page says in English, in its text and to screen readers."""
    page = ADDRESS.sub("", page)
    said = strip_tags(UNSAID.sub("", page)).splitlines()
    said += re.findall(r'(?:aria-label|data-label|placeholder|title)="([^"]*)"', page)
    return [line.strip() for line in said if ENGLISH.search(line)]


def test_every_page_is_in_german(as_user, german):
    client = as_user(german)
    found = {}
    for address in pages(german):
        page = client.get(address)
        assert '<html lang="de"' in page.text, address
        if english := english_in(page.text):
            found[address] = english

    assert found == {}


def test_what_asks_first_is_in_german(as_user, german):
    client = as_user(german)
    found = {}
    for address, thing, action in actions(german):
        asked = {"_selected_action": thing.pk, "action": action}
        if english := english_in(client.post(address, asked, follow=True).text):
            found[address, action] = english

    assert found == {}


def test_a_visitor_signs_in_in_german(client):
    page = client.get(reverse("admin:login"), headers={"Accept-Language": "de"})
    assert english_in(page.text) == []
