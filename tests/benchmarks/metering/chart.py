"""How soon an event is on the chart: web server, worker and beat as they come, by default."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from statistics import quantiles

from django.conf import settings
from django.test import Client

from billing.periods import ONE_DAY
from catacloud.accounts.models import Membership, Organisation, User
from tests.benchmarks.harness import Measure, Options, at_most
from tests.benchmarks.metering.place import Place, place
from tests.benchmarks.usage.example import event, slug_of

EVENTS, REST = 40, 0.25  # seconds between two
PATIENCE = 60  # seconds
CHART = re.compile(rb'<script id="[^"]*" type="application/json">(.*?)</script>', re.DOTALL)


def chart(name: str, options: Options) -> Iterator[Measure]:
    """A person's page is loaded again and again until its chart has the event."""
    with ExitStack() as stack:
        here = stack.enter_context(place("chart"))
        here.collect_static()
        port = stack.enter_context(here.web())
        stack.enter_context(here.worker())
        stack.enter_context(here.beat())
        page = _Page(port, _sign_in())
        # Worker and beat are there by then; and the page has charts, which it lacks on a first day.
        _send_and_wait(here, port, page, 0, at=datetime.now(UTC) - ONE_DAY)
        times = []
        for number in range(1, max(2, int(EVENTS * options.scale)) + 1):
            time.sleep(REST)
            times.append(_send_and_wait(here, port, page, number, at=datetime.now(UTC)))
    cuts = quantiles(times, n=100, method="inclusive")
    yield Measure(f"{name}: median", "s", cuts[49])
    yield Measure(f"{name}: p95", "s", cuts[94], bars=[at_most(2, "s")])


class _Page:
    def __init__(self, port: int, cookie: str) -> None:
        self.port, self.cookie = port, cookie

    def charts(self) -> list[bytes]:
        path = f"/organisations/{slug_of(0)}/usage/"
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as http:
            http.request("GET", path, headers={"Cookie": self.cookie})
            response = http.getresponse()
            body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {body[:300]!r}")
        return CHART.findall(body)


def _sign_in() -> str:
    user = User.objects.create_user("bench@example.org", "unused")
    organisation = Organisation.objects.get(slug=slug_of(0))
    Membership.objects.create(user=user, organisation=organisation, role=Membership.Role.MEMBER)
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _send_and_wait(here: Place, port: int, page: _Page, number: int, *, at: datetime) -> float:
    """Return how many seconds after its sending an event had changed the chart."""
    before = page.charts()
    hour = event(f"chart {number}", 0, at=at) | {"data": {"seconds": "3600"}}
    headers = {"Authorization": f"Bearer {here.key}", "Content-Type": "application/json"}
    start = time.perf_counter()
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as http:
        http.request("POST", "/api/v1/events", json.dumps(hour), headers)
        if (status := http.getresponse().status) != 204:
            raise RuntimeError(f"{status}")
    while page.charts() == before:
        if time.perf_counter() - start > PATIENCE:
            raise RuntimeError("The event is not on the chart.")
        time.sleep(0.02)
    return time.perf_counter() - start
