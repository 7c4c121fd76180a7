"""What axe finds on a page."""

from typing import Any

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe()
# Colours on their way from one scheme to the other are of neither.
CHANGED = """() => Promise.all(document.getAnimations()
    .filter(animation => animation instanceof CSSTransition)
    .map(transition => transition.finished.catch(() => null)))"""
OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


def assert_accessible(page: Page, *, scheme: str, context: str | None = None) -> None:
    """Check all rules in the light; the dark makes a difference only to those of colours."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme == "dark":
        options["runOnly"] = OF_COLOURS
    if not page.evaluate("'axe' in window"):  # half a MB, which each page is given once
        page.evaluate(AXE.axe_script)
    found = page.evaluate(
        "([where, options]) => axe.run(where ?? document, options)", [context, options]
    )
    results = AxeResults(found)
    assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"


def assert_accessible_in_both(page: Page, *, context: str | None = None) -> None:
    """Check the page at hand in the light and in the dark: to load it again shows no more."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(CHANGED)
        assert_accessible(page, scheme=scheme, context=context)
