"""gunicorn's worker with threads, which has as many again for what brings and takes no file.

A request with a file keeps its thread for as long as its client sends, receives, or only stalls.
However many there are, pages, HEAD and the API find a thread.
"""

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

FILE = re.compile(rb"(PATCH|POST|GET) /files/")
LONGEST = len(b"PATCH /files/")
SILENT_FOR = 10.0  # seconds that a client may take until its first byte: it costs no thread


class WebWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Two pools of ``threads`` each; which of them takes a request is said by its first bytes."""

    def get_thread_pool(self) -> ThreadPoolExecutor:
        self._others = ThreadPoolExecutor(self.cfg.threads)
        return ThreadPoolExecutor(self.cfg.threads)

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._others.shutdown(wait=False)

    def enqueue_req(self, conn: Any) -> None:
        start = _start(conn)
        if start is None:
            self._wait_for_data(conn)
            return
        pool = self.tpool if FILE.match(start) else self._others
        future = pool.submit(self.handle, conn)
        future.add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def _wait_for_data(self, conn: Any) -> None:
        """Come back when the client says something, as gunicorn does after it kept a thread."""
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + SILENT_FOR
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))


def _start(conn: Any) -> bytes | None:
    """Return the first bytes of the next request; None where there are none yet."""
    ahead: bytes = conn.parser.unreader.buf.getvalue() if conn.parser else b""
    if ahead:
        return ahead[:LONGEST]
    try:
        peeked: bytes = conn.sock.recv(LONGEST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:  # gone, which whoever handles it finds out
        return b""
    return peeked
