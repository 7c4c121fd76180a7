"""Which part of a page an htmx request gets: partial name = DOM id = entry in the allow-list."""

from collections.abc import Set

from django.views.decorators.vary import vary_on_headers

from catacloud.accounts.access import SignedInRequest

TABLE = "-table"
varies = vary_on_headers("HX-Request", "HX-Target", "Open-Tables")


def template_for(request: SignedInRequest, page: str, *, partials: Set[str]) -> str:
    """Return the page, or the partial of it that the request is going to swap.

    A history restore also says HX-Request, and must get the whole page. A view that asks here
    varies on HX-Request and HX-Target.
    """
    target = _target(request)
    return f"{page}#{target}" if target in partials else page


def opened_table(request: SignedInRequest) -> str:
    """Return the id of the chart whose table alone is asked for, as somebody opens it; or nothing.

    Tables beside charts are folded where a script runs. So what is swapped comes with none but
    those that are open, of which static/js/charts.js tells: the others come when they are opened.
    """
    target = _target(request)
    return target.removesuffix(TABLE) if target.endswith(TABLE) else ""


def open_tables(request: SignedInRequest) -> Set[str] | None:
    """Return the ids of the charts whose tables are swapped with them; None is all of them."""
    if not _target(request):
        return None
    return {one.removesuffix("-data") for one in request.headers.get("Open-Tables", "").split()}


def _target(request: SignedInRequest) -> str:
    """Return the id of what is swapped; nothing where a whole page is asked for."""
    htmx = request.htmx
    return (htmx.target or "") if htmx and not htmx.history_restore_request else ""
