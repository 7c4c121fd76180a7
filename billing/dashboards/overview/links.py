"""Where the overview leads: from days to one of them, from there to the hours of who used it. Pure.

Queries are those of the page, but for what only the overview knows.
"""

from django.http import QueryDict
from django.urls import reverse

from billing.dashboards.charts.marks import DAY, FIRST, LAST, Links
from billing.dashboards.grains import DAY as BY_DAY
from billing.dashboards.metrics import METRICS
from billing.dashboards.ranges import Range

SOME_SLUG = "some-slug"  # in an address, where that of an organisation is to stand
RANGE = ("range", "from", "to", "grain")
OWN = ("by", "shape", "sort", "q", "page", "format")


def place_links(query: QueryDict, asked: Range) -> Links | None:
    """Return where days, weeks and months lead: to the overview of their own days; None where one
    is alone already.
    """
    if len(asked.days) == 1:
        return None
    kept = _without(query, *RANGE, "page", "format")
    days = f"from={DAY}&to={DAY}" if asked.grain == BY_DAY else f"from={FIRST}&to={LAST}"
    return Links(f"{reverse('overview')}?{f'{kept}&{days}' if kept else days}")


def usage_link(query: QueryDict, asked: Range) -> str:
    """Return the address of an organisation's usage of the same metric and days, or of the hours of
    the only day, with SOME_SLUG in it.
    """
    own = OWN if query.get("metric") in METRICS else (*OWN, "metric")
    usage = reverse("usage", args=[SOME_SLUG])
    if len(asked.days) == 1:
        usage, own = f"{usage}days/{asked.days.first}/", (*own, *RANGE)
    kept = _without(query, *own)
    return f"{usage}?{kept}" if kept else usage


def _without(query: QueryDict, *names: str) -> str:
    kept = query.copy()
    for name in names:
        kept.pop(name, None)
    return kept.urlencode()
