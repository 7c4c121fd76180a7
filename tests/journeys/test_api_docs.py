"""The API's description as people read it, in a real browser and under our policy."""

import pytest
from playwright.sync_api import expect

DARK = "document.documentElement.classList.contains('dark-mode')"

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_endpoint_can_be_read_up_on_in_the_colours_of_the_system_and_on_a_phone(
    page, complaints
):
    page.emulate_media(color_scheme="dark")
    page.goto("/api/v1/docs")
    assert page.evaluate(DARK)
    page.emulate_media(color_scheme="light")
    page.goto("/api/v1/docs")
    assert not page.evaluate(DARK)
    page.get_by_text("/api/v1/events").first.click()
    expect(page.get_by_text("204 means that all of them stand durably")).to_be_visible()
    assert complaints == []

    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_text("Query a meter", exact=True).click()
    expect(page.get_by_text("windowTimeZone").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
