"""What axe finds on a page."""

from collections.abc import Sequence
from typing import Any

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe()
# Colours on their way from one scheme to the other are of neither: they are taken to their end.
# What is as it should be stays there: it is fifty times what is not.
RUN = """async ([where, options]) => {
    for (const one of document.getAnimations()) if (one instanceof CSSTransition) one.finish();
    const { violations } = await axe.run(where, options);
    return { violations };
}"""
OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


def assert_accessible(
    page: Page,
    *,
    scheme: str,
    context: str | None = None,
    without: Sequence[str] = (),
    called: str = "",
) -> None:
    """Check all rules in the light; the dark makes a difference only to those of colours.

    ``context`` and ``without`` are selectors, of what is looked at and of what in it is not.
    ``called`` names a page that the browser has from elsewhere than from its address.
    """
    # No rule that is run looks at style sheets as texts: to fetch them all would take its time.
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if scheme == "dark":
        options["runOnly"] = OF_COLOURS
    if not page.evaluate("'axe' in window"):  # half a MB, which each page is given once
        page.evaluate(AXE.axe_script)
    found = page.evaluate(
        RUN,
        [{"include": [context or "html"], "exclude": list(without)}, options],
    )
    results = AxeResults(found)
    assert results.violations_count == 0, f"{called or page.url}\n{results.generate_report()}"


def assert_accessible_in_both(page: Page, *, context: str | None = None) -> None:
    """Check the page at hand in the light and in the dark: to load it again shows no more."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert_accessible(page, scheme=scheme, context=context)
