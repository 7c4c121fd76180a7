"""What a process has loaded is no work for its garbage collector, and its threads share memory."""

import gc
import os
import platform
import subprocess
import sys
from contextlib import suppress

import pytest
from celery.signals import worker_process_init

from catacloud import heap
from catacloud.celery import app


@pytest.fixture(autouse=True)
def _as_before():
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_settled_objects_are_passed_by():
    gc.unfreeze()
    heap.settle()
    assert gc.get_freeze_count() > 10_000


def test_a_batch_of_new_objects_is_no_work_for_the_collector():
    heap.settle()
    before = gc.get_stats()[0]["collections"]
    batch = [[] for _ in range(5_000)]
    assert (len(batch), gc.get_stats()[0]["collections"] - before) == (5_000, 0)


@pytest.mark.parametrize("awake", [True, False])
def test_the_collector_rests_while_modules_are_loaded_and_is_as_it_was_after(awake):
    before = gc.isenabled()
    (gc.enable if awake else gc.disable)()
    try:
        with suppress(ImportError), heap.loading():
            resting = not gc.isenabled()
            raise ImportError
        assert (resting, gc.isenabled()) == (True, awake)
    finally:
        (gc.enable if before else gc.disable)()


def test_what_was_loaded_is_looked_through_once():
    gc.collect()
    before = [one["collections"] for one in gc.get_stats()]
    with heap.loading():
        loaded = [[] for _ in range(5 * heap.ROUND)]
    after = [[] for _ in range(1_000)]
    assert [one["collections"] for one in gc.get_stats()] == [*before[:2], before[2] + 1]
    assert gc.get_freeze_count() > len(loaded) > len(after)


def test_workers_settle_when_they_start():
    gc.unfreeze()
    worker_process_init.send(sender=app)
    assert gc.get_freeze_count() > 10_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
@pytest.mark.parametrize(("first", "arenas"), [("heap.share_arena()", 1), ("", 5)])
def test_threads_share_an_arena(first, arenas):
    code = f"""
import ctypes
from threading import Barrier, Thread
from catacloud import heap

def allocate():
    together.wait()
    bytes(2**16)
    together.wait()

{first}
together = Barrier(4)
threads = [Thread(target=allocate) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
ctypes.CDLL(None).malloc_stats()
"""
    environ = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert ended.stderr.count("Arena ") == arenas
