"""Go on without a server that is away: after a failure only one caller in a while waits for it."""

import threading
import time
from collections.abc import Callable

SPARED = 5.0  # seconds between two callers that try, while the server is away


class Outage:
    """What a process remembers of a server that may be away. Threads share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._next_try: float | None = None

    def spares(self) -> bool:
        """Return whether the caller shall not even try; where it shall, others are spared."""
        with self._lock:
            if self._next_try is None:
                return False
            now = self._clock()
            if now < self._next_try:
                return True
            self._next_try = now + SPARED
            return False

    def failed(self) -> None:
        with self._lock:
            self._next_try = self._clock() + SPARED

    def answered(self) -> None:
        self._next_try = None
