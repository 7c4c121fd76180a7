"""Which part of a page an htmx request gets: partial name = DOM id = entry in the allow-list."""

from collections.abc import Set

from catacloud.accounts.access import SignedInRequest


def template_for(request: SignedInRequest, page: str, *, partials: Set[str]) -> str:
    """Return the page, or the partial of it that the request is going to swap.

    A history restore also says HX-Request, and must get the whole page. A view that asks here
    varies on HX-Request and HX-Target.
    """
    htmx = request.htmx
    if htmx and not htmx.history_restore_request and htmx.target in partials:
        return f"{page}#{htmx.target}"
    return page
