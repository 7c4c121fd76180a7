"""Consume for as long as the process lives: the loop of a long-running consumer."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import FrameType

from django.db import InterfaceError, OperationalError, connection

from eventstore.consuming import LIMIT, Handler, consume
from eventstore.failures import PoisonedEvent
from eventstore.lag import partitions_behind
from eventstore.wakeups import Listener

logger = logging.getLogger(__name__)

POLL = 5.0  # seconds: the longest that an event waits when nobody wakes us
RECONNECT = 1.0  # seconds between two attempts to reach the database
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def follow(
    *,
    consumer: str,
    handle: Handler,
    limit: int = LIMIT,
    poll: float = POLL,
    stop: threading.Event | None = None,
) -> None:
    """Consume all partitions that others leave, until ``stop`` is set, or SIGTERM or SIGINT comes.

    It finishes the batch at hand before it stops. A poisoned event is logged and the other
    partitions go on; a lost connection is made anew. Anything else that is raised ends it, such as
    CheckpointMoved, or a failure that cannot be recorded.
    """
    stop = stop or threading.Event()
    with _stopped_by_signals(stop), closing(Listener()) as listener:
        while not stop.is_set():
            try:
                listener.listen()
                _consume_all(consumer, handle, limit, stop)
            except (OperationalError, InterfaceError):
                logger.exception("%s has lost the database and will try again", consumer)
                connection.close()
                stop.wait(RECONNECT)
            else:
                listener.wait(poll, stop)


def _consume_all(consumer: str, handle: Handler, limit: int, stop: threading.Event) -> None:
    """Go round the partitions, a batch of each at a time, until there is nothing to get."""
    got = True
    while got and not stop.is_set():
        got = False
        for partition in partitions_behind(consumer=consumer):
            if stop.is_set():
                return
            try:
                count = consume(consumer=consumer, partition=partition, handle=handle, limit=limit)
            except PoisonedEvent:
                logger.exception("Partition %d of %s waits", partition, consumer)
            else:
                got = got or count > 0


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals: whoever runs us in another one sets `stop`
        return

    def on_signal(signum: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
