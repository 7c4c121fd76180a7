"""Where pages are timed: a full database, ranked as workers would, and gunicorn before it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

from django.conf import settings
from django.test import Client, override_settings

from billing.rankings import upkeep
from billing.rankings.models import Ranking
from billing.revenue import keeping
from catacloud.accounts.models import Organisation, User
from tests.benchmarks import databases
from tests.benchmarks.dashboard import seed
from tests.benchmarks.metering.place import Place, place
from tests.factories import make_seller

HOST = "127.0.0.1"
FILLED = 120.0  # seconds of days that brought something in: the newest months
OPERATOR = "operator@example.org"


@dataclass(frozen=True)
class Site:
    place: Place
    port: int
    operator: User
    rows: int  # of days of organisations
    rankings: Sequence[Ranking]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def cookie(self) -> str:
        name = settings.SESSION_COOKIE_NAME
        return f"{name}={self.client().cookies[name].value}"

    @property
    def organisation(self) -> Organisation:
        return seed.in_the_middle()

    def client(self) -> Client:
        """Return a client that asks in this process, past gunicorn."""
        client = Client(SERVER_NAME=HOST)
        client.force_login(self.operator)
        return client

    def get(self, path: str, headers: Mapping[str, str]) -> tuple[Mapping[str, str], bytes]:
        """Ask gunicorn; return the headers and the body. Raises RuntimeError but for 200."""
        with closing(HTTPConnection(HOST, self.port, timeout=120)) as http:
            http.request("GET", path, headers=dict(headers))
            response = http.getresponse()
            body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {body[:300]!r}")
        return dict(response.headers), body


@contextmanager
def site(scale: float) -> Iterator[Site]:
    with ExitStack() as stack:
        now = datetime.now(UTC)
        of = _what_is_in_it(scale, now)
        kept = databases.kept("dashboard", of=of, fill=partial(_fill, scale))
        here = stack.enter_context(place("dashboard", database=kept))
        here.collect_static()
        stack.enter_context(override_settings(STATIC_ROOT=here.folder / "static"))
        rankings = [one for span in upkeep.usual(now=now) if (one := upkeep.newest(span))]
        port = stack.enter_context(here.web())
        operator = User.objects.get(email=OPERATOR)
        yield Site(here, port, operator, seed.rows(), rankings)


def _what_is_in_it(scale: float, now: datetime) -> str:
    """Name the data: of another day, or of other code that makes them, they are others."""
    return f"{scale} {now.date()} {Path(seed.__file__).read_text()} {Path(__file__).read_text()}"


def _fill(scale: float) -> None:
    now = datetime.now(UTC)
    make_seller()
    seed.fill(scale=scale, now=now)
    User.objects.create_superuser(OPERATOR, "unused")
    for span in upkeep.usual(now=now):
        upkeep.keep(span, now=now)
    keeping.keep(now=now, seconds=FILLED)
