"""What Celery runs. A task is a doorbell: it may be lost, doubled or late, and changes nothing."""

import logging
from collections.abc import Set
from functools import partial
from typing import Any

from celery import shared_task
from django.dispatch import Signal
from kombu.exceptions import OperationalError
from redis import RedisError

from billing.metering.folding import doorbell, saga, turns
from catacloud.afterwards import afterwards
from catacloud.outages import Outage
from eventstore import feed

logger = logging.getLogger(__name__)

FORGOTTEN_AFTER = (
    60  # seconds: a wake-up that lies that long is of no use, for sweeps came after it
)

broker = Outage()
folded = Signal()  # in the worker that did so, for who would otherwise find out later


@shared_task
def advance_partition(*, partition: int, **_: object) -> int:
    """Fold what has come to a partition: until it is up to date, or others shall go first.

    Return how many events these were: it is in the worker's log.
    """
    doorbell.answer(partition)

    def advance(limit: int) -> int:
        return saga.advance(partition=partition, limit=limit)

    turn = turns.take(advance)
    if turn.is_over:
        _wake(partition)
    if turn.handled:
        folded.send(sender=advance_partition)
    return turn.handled


@shared_task
def sweep(**_: object) -> None:
    """Wake every partition that is behind: the guarantee behind the wake-ups, which may be lost."""
    for partition in feed.partitions_behind(consumer=saga.CONSUMER):
        _wake(partition)


def wake_saga(*, partitions: Set[int], **_: Any) -> None:
    """Receive the event store's ``appended`` signal. Who sent a request does not wait for it.

    The saga itself goes on until it finds no more: it needs no waking for what it appends.
    """
    if others := partitions - {saga.advancing()}:
        afterwards(partial(_ring, others))


def _ring(partitions: Set[int]) -> None:
    """Wake the saga, if it is not woken yet. Who appended never waits long for it."""
    if broker.spares():
        return
    try:
        for partition in doorbell.ring(partitions):
            _wake(partition)
    except (RedisError, OperationalError, OSError) as error:
        broker.failed()
        logger.warning("Nobody is woken, for the broker is away, and the sweep follows: %s", error)
    else:
        broker.answered()


def _wake(partition: int) -> None:
    advance_partition.apply_async(kwargs={"partition": partition}, expires=FORGOTTEN_AFTER)
