"""Processes that close the month, some accounts in a transaction, and die by SIGKILL."""

import os
import signal
import time
import traceback
from random import Random

from django.db import connections

from billing.invoicing.closing.close import close_periods, organisations_to_close
from billing.invoicing.models import Invoice
from tests.benchmarks.soak_closing.platform import MONTH, NOW

CLOSERS = 2
TOGETHER = 20  # accounts in a transaction
MOST_BETWEEN, LONGEST = 50, 0.05  # invoices from one kill to the next, and seconds after that


class CloserFailed(Exception):
    """A closer ended with an error, which is shown."""


def close_rest(dice: Random) -> None:
    """Close the month of who is not invoiced yet, in an order of one's own."""
    due = organisations_to_close(days=MONTH, now=NOW).values_list("pk", flat=True)
    waiting = sorted(due)
    dice.shuffle(waiting)
    for start in range(0, len(waiting), TOGETHER):
        close_periods(organisations=waiting[start : start + TOGETHER], days=MONTH, now=NOW)


def close_amid_kills(dice: Random) -> int:
    """Let closers close the month, killing them at random, and return how many were killed."""
    killed, running = 0, [_start(dice) for _ in range(CLOSERS)]
    goal = 0
    while running:
        if Invoice.objects.count() >= goal:
            time.sleep(dice.random() * LONGEST)
            victim = running.pop(dice.randrange(len(running)))
            if _kill(victim):
                killed += 1
                running.append(_start(dice))
            goal = Invoice.objects.count() + dice.randrange(MOST_BETWEEN)
        time.sleep(0.005)
        running = [pid for pid in running if not _has_ended(pid)]
    return killed


def _start(dice: Random) -> int:
    """Fork a closer: as fresh as a started one, but for what it has imported already."""
    seed = dice.random()
    connections.close_all()  # one session for two processes would be the end of both
    pid = os.fork()
    if pid:
        return pid
    try:
        close_rest(Random(seed))
    except Exception:  # noqa: BLE001 (shown, and told to who waits for it)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _kill(pid: int) -> bool:
    """Kill a process, and say whether it had not ended by itself. Raises CloserFailed."""
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return not _is_over(status)


def _has_ended(pid: int) -> bool:
    """Say whether it has come to its end. Raises CloserFailed."""
    done, status = os.waitpid(pid, os.WNOHANG)
    return bool(done) and _is_over(status)


def _is_over(status: int) -> bool:
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise CloserFailed("A closer has failed: see above.")
    return os.WIFEXITED(status)
