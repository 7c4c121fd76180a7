"""An owner begins: no usage and no key yet, then a key, a colleague, and who did what."""

import pytest
from playwright.sync_api import expect

from catacloud.accounts.models import Organisation
from tests.factories import make_services
from tests.journeys.accessibility import assert_accessible, assert_accessible_in_both

pytestmark = pytest.mark.django_db(transaction=True)

SETTINGS = "/organisations/acme/settings/"
PAGES = [SETTINGS, *(f"{SETTINGS}{page}/" for page in ("members", "keys", "billing", "log"))]
EMPTY = ["/organisations/acme/usage/", "/organisations/acme/files/"]

OPEN = "all => all.slice(0, 3).forEach(one => { one.open = true })"  # of menus and tables


def test_an_owner_begins_and_every_page_is_accessible(page, sign_in, owner, complaints):
    make_services()
    page.goto("/")
    assert_accessible(page, scheme="light")
    sign_in(owner)
    page.goto("/")
    expect(page.locator(".command")).to_contain_text("/api/v1/events")
    page.get_by_role("link", name="Make an API key").click()
    page.get_by_label("Name", exact=True).fill("Render farm")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("region", name="The new key")).to_contain_text("cck_")
    assert_accessible(page, scheme="light")

    page.get_by_role("link", name="Members").click()
    page.get_by_label("E-mail address").fill("new@example.org")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_role("region", name="Table of invitations")).to_contain_text("new@")
    page.get_by_role("link", name="Log").click()
    expect(page.locator("tbody tr").first).to_contain_text("Invited new@example.org as member")

    for path in PAGES + EMPTY:
        page.goto(path)
        page.locator("main details").evaluate_all(
            "all => all.slice(0, 3).forEach(one => one.open = true)"
        )
        assert_accessible_in_both(page)
        assert_fits_a_phone(page)
        page.set_viewport_size({"width": 1280, "height": 900})
    assert complaints == []

    page.get_by_text(owner.email).first.click()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    Organisation.objects.update(name=200 * "W")  # the longest, and it has no space
    for path in PAGES + EMPTY:  # its words are longer
        page.goto(path)
        assert_fits_a_phone(page)
    expect(page.get_by_role("heading", name="Vollständige Dateien")).to_be_visible()


def assert_fits_a_phone(page):
    page.set_viewport_size({"width": 360, "height": 780})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360, f"{page.url} is {wide} px wide on a phone"
