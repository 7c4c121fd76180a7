"""How far the figures are behind the events."""

from dataclasses import dataclass
from datetime import datetime

from billing.metering.folding.saga import CONSUMER
from eventstore import feed
from eventstore.models import Checkpoint

COUNTED = 1000  # events of a partition: how many more there are changes nothing for a reader


@dataclass(frozen=True, slots=True)
class Freshness:
    as_of: datetime  # every event recorded before it is in the figures
    events_behind: int
    is_more: bool  # they were not counted to the last


def freshness(now: datetime) -> Freshness:
    lag = feed.lag(consumer=CONSUMER, count_up_to=COUNTED)
    return Freshness(as_of=lag.since or now, events_behind=lag.events, is_more=lag.is_more)


def is_behind() -> bool:
    """Say whether there are events to fold: figures are about to change."""
    return bool(feed.partitions_behind(consumer=CONSUMER))


def folded() -> dict[int, int]:
    """Return up to which position each partition is folded: asked before usage is read, all that is
    noted up to there is in it (changed.py).
    """
    found = Checkpoint.objects.filter(consumer=CONSUMER).values_list("partition", "position")
    return dict(found)
