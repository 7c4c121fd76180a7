"""Finding an organisation: what the field at the top of operators' pages suggests, and its list."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from catacloud.accounts.access import SignedInRequest, operators_only
from catacloud.accounts.organisations import LONGEST, found, searched
from catacloud.addresses import tidied
from catacloud.fragments import template_for

PAGE = "billing/organisations.html"
PER_PAGE, SUGGESTED = 25, 8
LEAST = 2  # letters that suggestions are given for: one is in nearly every name


@operators_only
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
@tidied(q=LONGEST)
def organisations(request: SignedInRequest) -> HttpResponse:
    text = searched(request.GET)
    template = template_for(request, PAGE, partials={"found"})
    if template != PAGE:
        return render(request, template, _suggestions(text))
    page = Paginator(found(text), PER_PAGE).get_page(request.GET.get("page"))
    if text and page.paginator.count == 1:
        return redirect("usage", page[0].slug)
    return render(request, PAGE, {"asked": text, "page": page})


def _suggestions(text: str) -> dict[str, object]:
    if len(text) < LEAST:
        return {"asked": ""}
    rows = list(found(text)[: SUGGESTED + 1])
    return {"asked": text, "rows": rows[:SUGGESTED], "has_more": len(rows) > SUGGESTED}
