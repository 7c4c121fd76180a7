"""Wake long-running consumers soon after an append. Only a hint: a lost one costs a poll's wait.

A NOTIFY inside the append's transaction would let all commits queue up behind one lock. It is sent
after the commit instead, from a thread of its own, and for all appends of a moment together.
"""

import logging
import threading
import time
from collections.abc import Set
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from eventstore.store import appended

logger = logging.getLogger(__name__)

CHANNEL = "eventstore_appended"
PAUSE = 0.02  # seconds between two notifications of a process
IDLE = 5.0  # seconds without an append after which the thread ends, and its connection with it
SLICE = 0.25  # seconds that a listener waits at a time, to hear that it shall stop


class Notifier:
    """Sends one NOTIFY for all the appends of a moment; who appends never waits for it."""

    def __init__(self) -> None:
        self._rung = threading.Condition()
        self._pending: set[int] = set()
        self._thread: threading.Thread | None = None

    def ring(self, *, partitions: Set[int], **_: Any) -> None:
        """Receive the store's ``appended`` signal."""
        with self._rung:
            self._pending |= partitions
            if self._thread is None or not self._thread.is_alive():  # dead also after a fork
                self._thread = threading.Thread(target=self._run, name=CHANNEL, daemon=True)
                self._thread.start()
            self._rung.notify()

    def _run(self) -> None:
        try:
            while partitions := self._take():
                _notify(partitions)
                time.sleep(PAUSE)
        finally:
            connection.close()

    def _take(self) -> set[int]:
        """Return the partitions that got events; after an idle while none, and then it is over."""
        with self._rung:
            self._rung.wait_for(lambda: self._pending, timeout=IDLE)
            taken, self._pending = self._pending, set()
            if not taken:
                self._thread = None  # under the lock: who rings next starts another one
            return taken


class Listener:
    """Hears of appends in a connection of its own, and gets another one when that is lost."""

    def __init__(self) -> None:
        self._connection: BaseDatabaseWrapper | None = None

    def listen(self) -> None:
        """Listen, if it does not yet. Do so before reading: then no append is missed in between.

        Where there is no connection to be had this only logs it: polling goes on without.
        """
        if self._connection is not None:
            return
        fresh = connections.create_connection(DEFAULT_DB_ALIAS)
        try:
            with fresh.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
        except Error as error:
            fresh.close()
            logger.warning("Nobody wakes this consumer, it only polls: %s", error)
        else:
            self._connection = fresh

    def wait(self, timeout: float, stop: threading.Event) -> None:
        """Return when events were appended, after a time, when stopped, or at a lost connection."""
        deadline = time.monotonic() + timeout
        while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
            if self._connection is None:
                stop.wait(min(left, SLICE))
            elif self._heard(self._connection, min(left, SLICE)):
                return

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _heard(self, listening: BaseDatabaseWrapper, seconds: float) -> bool:
        try:
            with listening.wrap_database_errors:
                return bool(list(listening.connection.notifies(timeout=seconds, stop_after=1)))
        except Error as error:
            logger.warning("The listening connection is lost: %s", error)
            self.close()
            return True  # it may have missed something


def send_after_appends() -> None:
    """Let this process notify listeners of its appends."""
    appended.connect(notifier.ring, dispatch_uid=CHANNEL)


def _notify(partitions: Set[int]) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_notify(%s, %s)", [CHANNEL, ",".join(map(str, sorted(partitions)))]
            )
    except Error as error:
        logger.warning("No consumer was woken: %s", error)
        connection.close()


notifier = Notifier()
