"""Usage that is sent amid faults: it follows from a number, so any batch may be sent again."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
from django.db import Error, connection

from billing.metering.folding.saga import CONSUMER
from billing.metering.ingesting import ingestion
from billing.metering.models import Definition
from billing.metering.recounting import checking
from billing.metering.usage_tables import DailyUsage
from catacloud.accounts.models import ApiKey
from catacloud.accounts.organisations import create_missing
from eventstore import feed
from eventstore.models import Checkpoint
from tests.factories import make_service

ORGANISATIONS, SOURCES, DAYS = 40, 5, 10
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=DAYS)
SPAN = DAYS * 86_400 * 10**6  # microseconds
SERVICES = ("execution-time", "transfer", "cars-parked")  # the last one is a level


def prepare() -> None:
    """Make the organisations, and a level to be counted beside the ready-made services."""
    make_service(slug=SERVICES[-1], level=True)
    create_missing([f"org-{n}" for n in range(ORGANISATIONS)], now=START)


def bodies(end: int, *, batch: int, start: int = 0) -> Iterator[bytes]:
    """Yield the events from one number up to another, as requests of a platform's key."""
    kinds = [_kind(slug) for slug in SERVICES]
    for first in range(start, end, batch):
        numbers = range(first, min(first + batch, end))
        yield msgspec.json.encode([_event(number, kinds) for number in numbers])


def send(body: bytes) -> int:
    """Take in a request; return how many of its events were new."""
    key = ApiKey(organisation=None, prefix="faults")
    return ingestion.accept(ingestion.parse(body), key=key, now=NOW)


def send_all(requests: Iterable[bytes]) -> None:
    """Send each request until it is taken, as a client does that gets no answer."""
    try:
        for body in requests:
            while not _is_taken(body):
                time.sleep(0.1)
    finally:
        connection.close()


def folded() -> int:
    """Return how many usage events the daily table has."""
    return sum(DailyUsage.objects.values_list("event_count", flat=True))


def handled() -> int:
    """Return how many events the saga has seen, those of accounts among them. Always cheap.

    0 while PostgreSQL is away.
    """
    try:
        return _handled()
    except Error:
        connection.close()
        return 0


def has_handled(events: int) -> bool:
    return handled() >= events


def _handled() -> int:
    return sum(Checkpoint.objects.filter(consumer=CONSUMER).values_list("handled", flat=True))


def is_up_to_date() -> bool:
    return feed.lag(consumer=CONSUMER).events == 0


def assert_exact(count: int) -> None:
    """Every event counts once, and every table is as the events make it."""
    assert is_up_to_date()
    assert folded() == count
    assert list(checking.findings()) == []


def _is_taken(body: bytes) -> bool:
    try:
        send(body)
    except Error:  # PostgreSQL is away
        connection.close()
        return False
    return True


def _kind(slug: str) -> tuple[str, str]:
    definition = Definition.objects.get(service__slug=slug)
    return definition.event_types[0], definition.quantity_path


def _event(number: int, kinds: list[tuple[str, str]]) -> dict[str, object]:
    # Spread by large primes: neighbours are of other organisations, services and days.
    name, path = kinds[number % len(kinds)]
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": f"source-{number % SOURCES}",
        "subject": f"org-{number * 7919 % ORGANISATIONS}",
        "type": name,
        "time": START + timedelta(microseconds=number * 7_919_999_983 % SPAN),
        "data": {path: f"{number * 104_729 % 10_000}.{number % 10}"},
    }
