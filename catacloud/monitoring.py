"""What Prometheus asks for. Every figure is read at that moment from the database, or from Valkey
(what came to the door for usage), so whichever web worker answers says the same, and nothing is
lost with a process."""

import secrets
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from billing.metering.ingesting import tally
from billing.metering.inspecting.uncounted_gauge import Uncounted
from catacloud.problems import Problem
from eventstore import standing
from eventstore.standing import Standing

COUNT_LIMIT = 100_000  # events that are counted to say how far a partition is behind
PARTITION = ("consumer", "partition")


class Consumers(Collector):
    """How far the event store's consumers are, the metrics saga among them."""

    def describe(self) -> Iterable[Metric]:
        return ()  # so that nothing is asked of the database before somebody wants to know

    def collect(self) -> Iterator[Metric]:
        yield from _of_partitions(standing.standings(count_up_to=COUNT_LIMIT))
        yield from _of_the_feed(standing.feed())
        letters = CounterMetricFamily(
            "catacloud_consumer_dead_letters",
            "Events that somebody let a consumer skip.",
            labels=["consumer"],
        )
        for consumer, number in standing.dead_letters().items():
            letters.add_metric([consumer], number)
        yield letters


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer who knows METRICS_TOKEN; without that setting there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404
    sent = request.headers.get("authorization", "").encode()
    if not secrets.compare_digest(sent, f"Bearer {settings.METRICS_TOKEN}".encode()):
        detail = "Send METRICS_TOKEN: Authorization: Bearer …"
        return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"}).response()
    registry = CollectorRegistry()
    registry.register(Consumers())
    registry.register(tally.Door())
    registry.register(Uncounted(timezone.now().date()))
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return HttpResponse(
        encode(registry), content_type=content_type, headers={"Cache-Control": "no-store"}
    )


def _of_partitions(standings: Iterable[Standing]) -> Iterator[Metric]:
    behind = GaugeMetricFamily(
        "catacloud_consumer_lag_events",
        f"Events that a consumer has still to handle, counted up to {COUNT_LIMIT}.",
        labels=PARTITION,
    )
    seconds = GaugeMetricFamily(
        "catacloud_consumer_lag_seconds",
        "How long the oldest of them has waited.",
        labels=PARTITION,
        unit="seconds",
    )
    handled = CounterMetricFamily(
        "catacloud_consumer_events_handled",
        "Events that a consumer has handled.",
        labels=PARTITION,
    )
    moved = GaugeMetricFamily(
        "catacloud_consumer_moved_timestamp_seconds",
        "When it last handled some, or began.",
        labels=PARTITION,
        unit="seconds",
    )
    failed = GaugeMetricFamily(
        "catacloud_consumer_failed_attempts",
        "Attempts that failed of the event that comes next; 0 where nothing fails.",
        labels=PARTITION,
    )
    for one in standings:
        labels = [one.consumer, str(one.partition)]
        behind.add_metric(labels, one.events)
        seconds.add_metric(labels, one.seconds)
        handled.add_metric(labels, one.handled)
        moved.add_metric(labels, one.moved_at.timestamp())
        failed.add_metric(labels, one.attempts)
    return iter((behind, seconds, handled, moved, failed))


def _of_the_feed(feed: standing.Feed) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "catacloud_events_appended",
        "Positions that events were given; some are of appends that were rolled back.",
        value=feed.highest,
    )
    yield GaugeMetricFamily(
        "catacloud_feed_horizon_position",
        "Up to which position no event can appear any more.",
        value=feed.horizon,
    )
    yield GaugeMetricFamily(
        "catacloud_feed_held_seconds",
        "How long an open transaction has held all consumers up; 0 where none does.",
        value=feed.held_seconds,
        unit="seconds",
    )
