"""Settings are in German for whoever chose it, from the headings to what is said of mistakes."""

import re

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from catacloud.accounts.models import Role
from catacloud.org_settings import invitations, keys

pytestmark = pytest.mark.django_db

PAGE = "/organisations/acme/settings/"
ENGLISH = re.compile(
    r"\b(the|of|and|is|to|you|members?|keys?|billing|settings|role|owner|change|remove|save)\b",
    re.IGNORECASE,
)


@pytest.fixture
def german_owner(owner):
    owner.language = "de"
    owner.save()
    return owner


def english_in(page):
    """Return the English words that a page says, in its text and to screen readers."""
    said = [strip_tags(re.sub(r"<(script|pre|code|style).*?</\1>", "", page.text, flags=re.DOTALL))]
    said += re.findall(r'(?:aria-label|data-label|placeholder)="([^"]*)"', page.text)
    return ENGLISH.findall(re.sub(r"\S+@\S+", "", " ".join(said)))


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("", "Einstellungen"),
        ("members/", "Mitglieder"),
        ("keys/", "API-Schlüssel"),
        ("billing/", "Rechnungsangaben"),
        ("log/", "Protokoll"),
    ],
)
def test_each_page_is_in_german_alone(as_user, acme, german_owner, path, heading):
    now = timezone.now()
    invitations.invite(
        organisation=acme, email="x@x.org", role=Role.BILLING, by=german_owner, now=now
    )
    keys.make(organisation=acme, name="Farm", by=german_owner, now=now)
    page = as_user(german_owner).get(f"{PAGE}{path}")
    assert f"<h1>{heading}</h1>" in page.text
    assert english_in(page) == []


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        ("billing/", {"vat_id": "DE1"}, "„DE1“ ist keine USt-IdNr."),
        ("billing/", {"country": "XX"}, "„XX“ ist kein Land"),
        ("time-zone/", {"time_zone": "Mars"}, "Diese Zeitzone gibt es nicht"),
        ("members/", {"email": "x@x.org", "role": "member"}, "x@x.org ist eingeladen"),
        ("leave/", {}, "Der letzte Inhaber bleibt"),
    ],
)
def test_what_is_said_of_a_deed_is_in_german(as_user, german_owner, path, data, said):
    page = as_user(german_owner).post(f"{PAGE}{path}", data, follow=True)
    assert said in page.text
    assert english_in(page) == []
