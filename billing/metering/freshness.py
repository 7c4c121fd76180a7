"""How far the figures are behind the events."""

from dataclasses import dataclass
from datetime import datetime

from billing.metering.saga import CONSUMER
from eventstore import feed


@dataclass(frozen=True, slots=True)
class Freshness:
    as_of: datetime  # every event recorded before it is in the figures
    events_behind: int


def freshness(now: datetime) -> Freshness:
    lag = feed.lag(consumer=CONSUMER)
    return Freshness(as_of=lag.since or now, events_behind=lag.events)
