"""The addresses of pages: they hold what was chosen, and no more of it than is looked for.

A form sends its empty fields, too. Where a script runs it leaves them out by itself: see
static/js/swaps.js.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect

from catacloud.accounts.access import SignedInRequest

P = ParamSpec("P")
View = Callable[Concatenate[SignedInRequest, P], HttpResponse]
LONGEST = 500  # letters of what a page has no other bound for


def tidied(**longest: int) -> Callable[[View[P]], View[P]]:
    """Let a page that is read send to its own address whoever asks with empty or overlong
    parameters.

    ``longest`` has the letters of some that are looked for; of others there are LONGEST.
    """

    def of(view: View[P]) -> View[P]:
        @wraps(view)
        def or_elsewhere(
            request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponse:
            kept = tidy(request.GET, longest)
            if kept is None:
                return view(request, *args, **kwargs)
            return redirect(f"{request.path}?{kept}" if kept else request.path)

        return or_elsewhere

    return of


def tidy(asked: QueryDict, longest: dict[str, int]) -> str | None:
    """Return the query of what was chosen; None where that is how it is asked.

    A NUL is left out: PostgreSQL cannot be asked for one.
    """
    kept = QueryDict(mutable=True)
    for name, values in asked.lists():
        bound = longest.get(name, LONGEST)
        known = [one.replace("\0", "") for one in values]
        short = [one if len(one) <= bound else one.strip()[:bound] for one in known if one.strip()]
        if short:
            kept.setlist(name, short)
    return None if kept == asked else kept.urlencode()
