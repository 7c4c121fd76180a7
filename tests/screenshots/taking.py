"""Take pictures of all pages of a site, as those see them whom they are for."""

import os
from pathlib import Path
from typing import Literal

from django.conf import settings
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.screenshots.states import Site

DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 780}
PAPER: ViewportSize = {"width": 720, "height": 1020}  # of A4, within its margins
LOOKS: dict[str, tuple[Literal["light", "dark"], ViewportSize, str]] = {
    "light": ("light", DESK, "en"),
    "dark": ("dark", DESK, "en"),
    "phone": ("light", PHONE, "en"),
    "german": ("light", DESK, "de"),
    "german-phone": ("dark", PHONE, "de"),
    "print": ("light", PAPER, "en"),
}
PRINTED = {"overview", "usage", "usage-day", "costs", "invoice", "invoice-line", "credit-note"}
VISITOR = {"start": "/", "sign-in": "/login/", "missing": "/nowhere/"}
OPERATOR = {
    "overview": "/overview/",
    "overview-revenue": "/overview/?metric=cost",
    "overview-revenue-by-organisation": "/overview/?metric=cost&by=organisation&grain=week",
    "overview-services": "/overview/?by=service",
    "overview-lines": "/overview/?range=90d&metric=stored&shape=lines",
    "overview-nobody-found": "/overview/?q=nobody",
    "organisations": "/organisations/",
    "organisations-none-found": "/organisations/?q=nobody",
    "all-events": "/events/",
    "one-organisation": "/organisations/{slug}/usage/",
    "admin": "/admin/",
    "admin-plans": "/admin/billing/plan/",
    "admin-versions": "/admin/billing/planversion/",
    "admin-migrations": "/admin/billing/planmigration/",
    "admin-migrate": "/admin/billing/planmigration/add/",
    "admin-accounts": "/admin/billing/account/",
    "admin-account": "/admin/billing/account/{organisation}/change/",
    "admin-invoices": "/admin/billing/invoice/",
    "admin-services": "/admin/billing/service/",
    "admin-service": "/admin/billing/service/{service}/change/",
    "admin-organisations": "/admin/accounts/organisation/",
    "admin-organisation": "/admin/accounts/organisation/{organisation}/change/",
    "admin-consumers": "/admin/eventstore/checkpoint/",
}
OWNER = {
    "usage": "usage/",
    "usage-90-days": "usage/?range=90d",
    "usage-12-months": "usage/?range=12m",
    "usage-day": "usage/days/{day}/",
    "events": "events/",
    "costs": "costs/",
    "invoices": "invoices/",
    "invoices-none-found": "invoices/?q=nothing",
    "files": "files/",
    "settings": "settings/",
    "settings-members": "settings/members/",
    "settings-keys": "settings/keys/",
    "settings-billing": "settings/billing/",
    "settings-log": "settings/log/",
}
OF_INVOICE = {"invoice": "invoices/{number}/", "invoice-line": "invoices/{number}/lines/1/"}
OF_INVITATION = {"invitation": "/invitations/{token}/"}
OF_VERSION = {"admin-version": "/admin/billing/planversion/{version}/change/"}
OF_CREDIT_NOTE = {"credit-note": "credit-notes/{note}/"}
OF_MIGRATION = {"admin-migration": "/admin/billing/planmigration/{migration}/change/"}


def take(site: Site, folder: Path, *, only: str) -> int:
    """Save a picture of each page in each look; return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = _pages(site)  # before the loop of playwright runs, in which Django makes no queries
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CATACLOUD_BROWSER"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        return sum(
            _look(browser, site, folder, look, cookie, wanted)
            for look in LOOKS
            for cookie, all_of_them in pages
            if (wanted := _wanted(all_of_them, look, only))
        )


def _wanted(pages: dict[str, str], look: str, only: str) -> dict[str, str]:
    return {
        name: path
        for name, path in pages.items()
        if only in name and (look != "print" or name in PRINTED)
    }


def _pages(site: Site) -> list[tuple[str | None, dict[str, str]]]:
    """Return pages by their names, with the session of whom they are for."""
    own = f"/organisations/{site.organisation.slug}/"
    named = {name: str(value) for name, value in site.things().items() if value is not None}
    visitor, owner, operator = dict(VISITOR), dict(OWNER), dict(OPERATOR)
    for pages, more, thing in (
        (owner, OF_INVOICE, "number"),
        (owner, OF_CREDIT_NOTE, "note"),
        (operator, OF_VERSION, "version"),
        (operator, OF_MIGRATION, "migration"),
        (visitor, OF_INVITATION, "token"),
    ):
        pages |= more if thing in named else {}
    return [
        (None, _filled(visitor, named)),
        (site.cookie(site.operator), _filled(operator, named)),
        (site.cookie(site.owner), _filled(owner, named, below=own)),
    ]


def _filled(pages: dict[str, str], named: dict[str, str], below: str = "") -> dict[str, str]:
    return {name: below + path.format(**named) for name, path in pages.items()}


def _look(
    browser: Browser, site: Site, folder: Path, look: str, cookie: str | None, pages: dict[str, str]
) -> int:
    scheme, viewport, language = LOOKS[look]
    with browser.new_context(
        color_scheme=scheme, viewport=viewport, locale=language, reduced_motion="reduce"
    ) as context:
        if cookie:
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": cookie, "url": site.url}])
        page = context.new_page()
        page.emulate_media(media="print" if look == "print" else None)
        for name, path in pages.items():
            page.goto(site.url + path)
            page.wait_for_load_state("load")
            page.evaluate("document.fonts.ready")
            page.screenshot(path=folder / f"{name}.{look}.png", full_page=True)
    return len(pages)
