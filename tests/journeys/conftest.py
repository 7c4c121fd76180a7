"""Pages for the journeys. What the browser complains about makes a journey fail."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect

from catacloud.accounts.models import User
from tests.browser import launched

PATIENCE = 30_000  # milliseconds; on a busy machine a page takes its time
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def browser(django_db_setup: None) -> Iterator[Browser]:
    """One for all files here: to start it with what steers it takes a second of a core."""
    with launched() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser, live_server) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=live_server.url, viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said: errors, among them every violation of the policy."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Page:
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    return page


@pytest.fixture
def sign_in(
    context: BrowserContext, live_server, as_user: Callable[[User], Client]
) -> Callable[[User], None]:
    """Return what gives the browser a session; one journey signs in by hand."""

    def sign_in(user: User) -> None:
        name = settings.SESSION_COOKIE_NAME
        value = as_user(user).cookies[name].value
        context.add_cookies([{"name": name, "value": value, "url": live_server.url}])

    return sign_in
