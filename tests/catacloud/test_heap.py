"""What a process has loaded is no work for its garbage collector any more."""

import gc

import pytest
from celery.signals import worker_process_init

from catacloud import heap
from catacloud.celery import app


@pytest.fixture(autouse=True)
def _as_before():
    yield
    gc.unfreeze()


def test_settled_objects_are_passed_by():
    gc.unfreeze()
    heap.settle()
    assert gc.get_freeze_count() > 10_000


def test_workers_settle_when_they_start():
    gc.unfreeze()
    worker_process_init.send(sender=app)
    assert gc.get_freeze_count() > 10_000
