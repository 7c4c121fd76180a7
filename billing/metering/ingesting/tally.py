"""What comes to the doors for usage events, /api/v1/events and Lago's, counted for Prometheus.

Valkey keeps the counts, so whichever web worker is asked says the same. They begin anew where it
forgets them, which Prometheus takes for the restart that it is; and nobody waits for them.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis, RedisError

from billing.metering.ingesting import rate
from billing.metering.ingesting.ingestion import Outcome
from catacloud.afterwards import afterwards
from catacloud.problems import Problem

logger = logging.getLogger(__name__)

KEY = "ingestion-tally"
PATIENCE = 0.5  # seconds that a request waits for Valkey before it goes on without
REASONS = {400: "invalid", 409: "conflict"}


def taken(*, new: int, repeated: int) -> None:
    """Count a request whose events all stand."""
    _add({"request 204": 1, "accepted": new, "repeated": repeated})


def taken_in_part(outcomes: Iterable[Outcome]) -> None:
    """Count a request of whose events each had its own outcome."""
    counts = Counter({"request 200": 1})
    for one in outcomes:
        reason = REASONS[409 if one.conflict else 400]
        counts[f"refused {reason}" if one.status == "refused" else one.status] += 1
    _add(counts)


def refused(problem: Problem) -> None:
    """Count a request that was refused, and those of its events that are to blame."""
    counts = {f"request {problem.status}": 1}
    if problem.status in REASONS:
        counts[f"refused {REASONS[problem.status]}"] = len(problem.body.get("errors", ()))
    _add(counts)


def answered(status: int) -> None:
    """Count a request whose events are counted apart."""
    _add({f"request {status}": 1})


def became(*, new: int = 0, repeated: int = 0, invalid: int = 0, conflicting: int = 0) -> None:
    """Count what became of events."""
    refused = {"refused invalid": invalid, "refused conflict": conflicting}
    _add({"accepted": new, "repeated": repeated, **refused})


class Door(Collector):
    """The counts as Prometheus reads them; none while Valkey is away."""

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "catacloud_ingest_requests",
            "Requests of known keys with usage events, by the status of their answer.",
            labels=["status"],
        )
        events = CounterMetricFamily(
            "catacloud_ingest_events",
            "Usage events that came so: new ones, repeats, and those that were refused.",
            labels=["outcome"],
        )
        reasons = CounterMetricFamily(
            "catacloud_ingest_events_refused",
            "Usage events that were refused: invalid, or sent before with other content.",
            labels=["reason"],
        )
        kept = _counts()
        if kept is None:
            return
        counts = Counter(kept)
        counts["refused"] = sum(counts[f"refused {reason}"] for reason in REASONS.values())
        for name in ("accepted", "repeated", "refused"):
            events.add_metric([name], counts[name])
        for reason in REASONS.values():
            reasons.add_metric([reason], counts[f"refused {reason}"])
        for name in sorted(counts):
            if name.startswith("request "):
                requests.add_metric([name.removeprefix("request ")], counts[name])
        yield from (requests, events, reasons)


def _add(counts: Mapping[str, int]) -> None:
    afterwards(partial(_write, counts))


def _write(counts: Mapping[str, int]) -> None:
    if rate.valkey.spares():  # one of a request's two callers waits for it, not both
        return
    try:
        with _client(settings.REDIS_URL).pipeline(transaction=False) as pipe:
            for name, number in counts.items():
                if number:
                    pipe.hincrby(KEY, name, number)
            pipe.execute()
    except RedisError as error:
        rate.valkey.failed()
        logger.warning("A request is not counted, for Valkey is away: %s", error)
        return
    rate.valkey.answered()


def _counts() -> Mapping[str, int] | None:
    try:
        kept = _client(settings.REDIS_URL).hgetall(KEY)
    except RedisError as error:
        logger.warning("There are no counts of requests, for Valkey is away: %s", error)
        return None
    return {str(name): int(number) for name, number in kept.items()}


@cache
def _client(url: str) -> "Redis":
    patience = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    return Redis.from_url(url, decode_responses=True, **patience)
