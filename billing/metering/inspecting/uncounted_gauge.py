"""What was accepted and does not count, for Prometheus: usage that nobody bills wants an alert."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from billing.metering.folding import uncounted


@dataclass(frozen=True)
class Uncounted(Collector):
    """The events of the 30 days up to today that do not count, by what cannot read them."""

    today: date

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        events = GaugeMetricFamily(
            "catacloud_events_uncounted",
            "Usage events of the last 30 days that do not count: the service cannot read them, or, "
            "where none is named, none counts their type.",
            labels=["service"],
        )
        for service, number in uncounted.by_service(today=self.today).items():
            events.add_metric([service], number)
        yield events
