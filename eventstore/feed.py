"""The feed: what consumers of events need, under one name.

Read all events of a partition in order, handle each exactly once (consuming.py, following.py), and
see how far that has come (lag.py) and what it waits for (holds.py, failures.py). To look through
the log without a checkpoint, stream it (log.py).
"""

from eventstore.consuming import (
    CheckpointMoved,
    Handler,
    SetHandler,
    consume,
)
from eventstore.failures import NotFailing, PoisonedEvent, retry, skip
from eventstore.following import follow
from eventstore.holds import Blocker, Hold, hold
from eventstore.lag import Lag, PartitionLag, lag, lags, partitions, partitions_behind
from eventstore.log import read_log
from eventstore.partition_reads import Window, parts, read, read_window
from eventstore.reading import ReadInterrupted

__all__ = [
    "Blocker",
    "CheckpointMoved",
    "Handler",
    "Hold",
    "Lag",
    "NotFailing",
    "PartitionLag",
    "PoisonedEvent",
    "ReadInterrupted",
    "SetHandler",
    "Window",
    "consume",
    "follow",
    "hold",
    "lag",
    "lags",
    "partitions",
    "partitions_behind",
    "parts",
    "read",
    "read_log",
    "read_window",
    "retry",
    "skip",
]
