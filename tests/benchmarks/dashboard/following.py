"""How soon an event is in the overview's table of all organisations, while the page is open.

A client asks as live.js does, with worker and beat beside gunicorn, as they come by default.
"""

import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from html import unescape
from http.client import HTTPConnection, HTTPResponse
from statistics import quantiles

from tests.benchmarks.dashboard.place import HOST, Site
from tests.benchmarks.harness import Measure, Options, at_most
from tests.benchmarks.usage.example import event, slug_of

EVENTS = 40
EVERY, PATIENCE = 1.0, 60  # seconds


def measure(name: str, here: Site, options: Options) -> Iterator[Measure]:
    page = _Page(here)
    with here.place.worker(), here.place.beat():
        _send_and_wait(here, page)  # worker and beat are there by then
        times = [_send_and_wait(here, page) for _ in range(EVENTS)]
    cuts = quantiles(times, n=100, method="inclusive")
    yield Measure(f"{name}: median", "s", cuts[49])
    yield Measure(f"{name}: p95", "s", cuts[94], bars=[at_most(2, "s")])


class _Page:
    """A page that is open at the overview, of one organisation among all."""

    def __init__(self, here: Site) -> None:
        self.port, self.path = here.port, f"/overview/?metric=execution&q={slug_of(0)}"
        self.cookie, self.tag, self.row = here.cookie, "", ""

    def ask(self) -> float:
        """Return after how many seconds to ask again."""
        given = {"HX-Request": "true", "HX-Target": "content", "If-None-Match": self.tag}
        with closing(HTTPConnection(HOST, self.port, timeout=60)) as http:
            response, body = _sent(http, "GET", self.path, {"Cookie": self.cookie, **given})
        if response.status not in (200, 304):
            raise RuntimeError(f"{self.path}: {response.status} {body[:300]}")
        if response.status == 200:
            self.tag = unescape(body.partition('data-live="')[2].partition('"')[0])
            self.row = _row(body)
        return float(response.headers.get("Ask-Again-After", EVERY * 1000)) / 1000


def _send_and_wait(here: Site, page: _Page) -> float:
    """Return how many seconds after its sending an event had changed the table."""
    page.ask()
    time.sleep(2 * EVERY)
    page.ask()
    before, asks_at = page.row, time.perf_counter() + random.uniform(0, EVERY)
    source = f"following {time.time_ns()}"
    hour = event(source, 0, at=datetime.now(UTC)) | {"data": {"seconds": "36000"}}
    headers = {"Authorization": f"Bearer {here.place.key}", "Content-Type": "application/json"}
    start = time.perf_counter()
    with closing(HTTPConnection(HOST, here.port, timeout=60)) as http:
        response, _ = _sent(http, "POST", "/api/v1/events", headers, json.dumps(hour))
        if response.status != 204:
            raise RuntimeError(f"{response.status}")
    while time.perf_counter() - start < PATIENCE:
        time.sleep(max(0.0, asks_at - time.perf_counter()))
        after = page.ask()
        if page.row != before:
            return time.perf_counter() - start
        asks_at = time.perf_counter() + after
    raise RuntimeError("The event is not in the table.")


def _row(body: str) -> str:
    """Return the figures of the table's first row, without its curve, which follows in any case."""
    table = body.partition('class="list organisations"')[2].partition("<tbody")[2]
    return table.partition("<svg")[0]


def _sent(
    http: HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: str = ""
) -> tuple[HTTPResponse, str]:
    http.request(method, path, body or None, dict(headers))
    response = http.getresponse()
    return response, response.read().decode()
