"""A browser for the tests of a file, or of a folder whose tests all have one.

Playwright keeps an event loop running in this thread: no other test could run one meanwhile.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # All is compiled at once: axe, new to each page, takes a seventh less. And scripts have MB of
    # room before garbage is looked for: the walk of the admin takes the browser a fifteenth less.
    "--js-flags=--always-sparkplug --min-semi-space-size=16 --max-semi-space-size=32",
]


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    # The databases are made before: a connection from inside the loop would not be known after it.
    with launched() as browser:
        yield browser


@contextmanager
def launched() -> Iterator[Browser]:
    """Run a browser; skip, loudly, where there is none."""
    # Playwright's loop runs in this thread, where Django would refuse its own synchronous queries.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        path = os.environ.get("CATACLOUD_BROWSER")
        if not path and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("NOT TESTED in a browser: there is none (./dev test installs one).")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
