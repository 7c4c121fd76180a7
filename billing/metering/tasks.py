"""What Celery runs. A task is a doorbell: it may be lost, doubled or late, and changes nothing."""

from collections.abc import Set
from typing import Any

from celery import shared_task

from billing.metering import doorbell, saga
from eventstore import feed


@shared_task
def advance_partition(*, partition: int, **_: object) -> None:
    """Fold what has come to a partition, until it is up to date."""
    doorbell.answer(partition)
    while saga.advance(partition=partition):
        pass


@shared_task
def sweep(**_: object) -> None:
    """Wake every partition that is behind: the guarantee behind the wake-ups, which may be lost."""
    for partition in feed.partitions_behind(consumer=saga.CONSUMER):
        advance_partition.delay(partition=partition)


def wake_saga(*, partitions: Set[int], **_: Any) -> None:
    """Receive the event store's ``appended`` signal."""
    for partition in partitions:
        if doorbell.ring(partition):
            advance_partition.delay(partition=partition)
