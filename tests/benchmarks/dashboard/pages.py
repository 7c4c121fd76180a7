"""How long pages take, and how many queries: whole, and the parts that htmx swaps."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from statistics import quantiles

from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from billing.invoicing.models import Invoice
from billing.metering.changed import UsageChange
from billing.metering.usage_tables import DailyUsage
from catacloud.accounts.models import Organisation
from tests.benchmarks.dashboard.place import HOST, Site
from tests.benchmarks.harness import Measure, Options, at_most

TIMES, WARM = 100, 8
FULL, FRAGMENT = at_most(150, "ms"), at_most(60, "ms")
QUERIES = at_most(12)
FRAGMENTS = {"HX-Request": "true"}

Paths = Mapping[str, tuple[str, str]]  # by the measure: the address, and what is swapped

OVERVIEW: Paths = {
    "": ("/overview/", ""),
    ", swapped": ("/overview/", "content"),
    ", its days as a table": ("/overview/", "days-table"),
    ", its table by cost": ("/overview/?sort=-cost", "organisations"),
    ", its table, page 20": ("/overview/?page=20", "organisations"),
    ", its table, searched": ("/overview/?q=abc", "organisations"),
    ", revenue": ("/overview/?metric=cost", ""),
    ", revenue by organisation": ("/overview/?metric=cost&by=organisation", ""),
    ", by service": ("/overview/?by=service", ""),
    ", 12 months by service, swapped": ("/overview/?range=12m&by=service", "content"),
}
ORGANISATION: Paths = {
    "'s usage": ("/organisations/{slug}/usage/", ""),
    "'s usage, swapped": ("/organisations/{slug}/usage/?range=90d", "content"),
    "'s usage of 12 months, swapped": ("/organisations/{slug}/usage/?range=12m", "content"),
    "'s usage, a chart as a table": ("/organisations/{slug}/usage/?range=90d", "gb-hours-table"),
    "'s costs": ("/organisations/{slug}/costs/", ""),
    "'s invoices": ("/organisations/{slug}/invoices/", ""),
}

CORRECTED: Paths = {
    ": costs": ("/organisations/{slug}/costs/", ""),
    ": invoices": ("/organisations/{slug}/invoices/", ""),
}


def measure_corrected(name: str, here: Site, options: Options) -> Iterator[Measure]:
    """Open pages of one whose usage of each invoiced month changed since, as by what came late: all
    of it is rated again each time, until the next invoice has what it comes to.
    """
    with _changed(here.organisation):
        yield from measure(name, here, options, paths=CORRECTED)


@contextmanager
def _changed(organisation: Organisation) -> Iterator[None]:
    """Change a day of each invoiced month, and back again: the database stays for the next run."""
    firsts = Invoice.objects.filter(organisation=organisation).values("starts_on")
    usage = DailyUsage.objects.filter(organisation=organisation, day__in=firsts)
    usage.update(quantity=F("quantity") + 10**6)
    try:
        yield
    finally:
        usage.update(quantity=F("quantity") - 10**6)
        UsageChange.objects.filter(organisation=organisation).delete()


def measure(name: str, here: Site, options: Options, *, paths: Paths) -> Iterator[Measure]:
    for what, (path, target) in paths.items():
        path = path.format(slug=here.organisation.slug)
        headers = FRAGMENTS | {"HX-Target": target} if target else {}
        bar = FRAGMENT if target else FULL
        yield Measure(f"{name}{what}: p95", "ms", _p95(here, path, headers), bars=[bar])
        queries = _queries(here, path, headers)
        yield Measure(f"{name}{what}", "queries", queries, bars=[QUERIES])


def _p95(here: Site, path: str, headers: Mapping[str, str]) -> float:
    times = []
    asked = {"Cookie": here.cookie, **headers}
    with closing(HTTPConnection(HOST, here.port, timeout=120)) as http:
        for number in range(WARM + TIMES):
            start = time.perf_counter()
            http.request("GET", path, headers=asked)
            response = http.getresponse()
            response.read()
            if response.status != 200:
                raise RuntimeError(f"{path}: {response.status}")
            if number >= WARM:
                times.append(1000 * (time.perf_counter() - start))
    return quantiles(times, n=100, method="inclusive")[94]


def _queries(here: Site, path: str, headers: Mapping[str, str]) -> int:
    client = here.client()
    client.get(path, headers=headers)  # so that what is remembered is
    with CaptureQueriesContext(connection) as queries:
        client.get(path, headers=headers)
    return len(queries)
