"""How a process that lives long uses its memory."""

import contextlib
import ctypes
import gc
from collections.abc import Iterator
from typing import Any

_M_ARENA_MAX = -8  # of glibc's malloc.h
ROUND = 10_000  # new objects that a round of the garbage collector waits for; 700 otherwise


def share_arena() -> None:
    """Let all threads allocate from one arena. Call it before there are others.

    glibc would give each an arena of its own, and no other ever uses what is free there: with 16
    threads that receive uploads, 10 MiB. They hardly wait for each other at the one, for nearly all
    that allocate hold Python's own lock. Where there is no glibc, this does nothing.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Let the garbage collector rest while modules are loaded, and settle what was.

    That takes a sixth less time. It settles before it wakes, or it would look through all of it at
    once, and then again.
    """
    awake = gc.isenabled()
    gc.disable()
    try:
        yield
        settle()
    finally:
        if awake:
            gc.enable()


def settle(**_: Any) -> None:
    """Let the garbage collector pass by what was loaded at the start: it stays as long as we do.

    Without this, each of its rounds walks all of Django again, which costs a consumer of events a
    quarter of its speed. And let a round wait for as many new objects as a batch of events has:
    rounds amid it find nothing, and cost a tenth of its time. Call it once all is imported. Also a
    receiver of Celery's signals.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ROUND)
