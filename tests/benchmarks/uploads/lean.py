"""Workers that cost next to nothing themselves: a lean tus client, and the raw limit beside it.

Both send a file by ``sendfile``. The raw limit's other side is a socket whose bytes are spliced
into a file, followed by the same fsync: no protocol, no database, no Python that sees a byte.
"""

import os
import socket
import time
from http.client import HTTPResponse
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.workers import Reply, counted, serve

PIPE = 2**20  # bytes that a pipe holds, so at a time


def upload(
    *,
    path: str,
    size: int,
    port: int,
    slug: str,
    key: str,
    parts: int,
    writer: int,
    **_: Any,
) -> Reply:
    """Create an upload and send the bytes in one PATCH: this worker's share of ``parts``."""
    share = size // parts
    start = share * writer
    length = size - start if writer == parts - 1 else share
    who = {
        "Host": f"127.0.0.1:{port}",
        "Tus-Resumable": "1.0.0",
        "Authorization": f"Bearer {key}",
    }
    concat = {"Upload-Concat": "partial"} if parts > 1 else {}
    url = ""

    def work() -> int:
        nonlocal url
        with socket.create_connection(("127.0.0.1", port)) as connection:
            asked = {"Upload-Length": str(length), "Content-Length": "0", **who, **concat}
            created = _ask(connection, "POST", f"/files/{slug}/", asked, 201)
            url = created.getheader("Location") or ""
            brings = {
                "Content-Type": "application/offset+octet-stream",
                "Upload-Offset": "0",
                "Content-Length": str(length),
                **who,
            }
            connection.sendall(_head("PATCH", urlsplit(url).path, brings))
            with Path(path).open("rb") as file:
                _send(connection, file.fileno(), start, length)
            _answer(connection, "PATCH", 204)
        return length

    return counted(work) | {"url": url, "start": start}


def raw(*, path: str, size: int, target: str, **_: Any) -> Reply:
    """Send a file to a socket, and its bytes from there to the disk, at the speed of C."""

    def send(port: int) -> None:
        with (
            socket.create_connection(("127.0.0.1", port)) as connection,
            Path(path).open("rb") as file,
        ):
            _send(connection, file.fileno(), 0, size)

    def work() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sender = Thread(target=send, args=[listener.getsockname()[1]])
            sender.start()
            connection, _ = listener.accept()
            with connection, Path(target).open("wb") as file:
                received = _splice(connection.fileno(), file.fileno())
                os.fsync(file.fileno())
            sender.join()
        return received

    reply = counted(work)
    Path(target).unlink()
    return reply


def _splice(source: int, target: int) -> int:
    """Move bytes from a socket to a file without copying them to this process."""
    read_end, write_end = os.pipe2(0)
    total = 0
    try:
        while count := os.splice(source, write_end, PIPE):
            total += count
            while count:
                count -= os.splice(read_end, target, count)
    finally:
        os.close(read_end)
        os.close(write_end)
    return total


def _send(connection: socket.socket, file: int, start: int, size: int) -> None:
    end = start + size
    while start < end:
        start += os.sendfile(connection.fileno(), file, start, end - start)


def _ask(
    connection: socket.socket, method: str, path: str, headers: dict[str, str], expected: int
) -> HTTPResponse:
    connection.sendall(_head(method, path, headers))
    return _answer(connection, method, expected)


def _head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _answer(connection: socket.socket, method: str, expected: int) -> HTTPResponse:
    response = HTTPResponse(connection, method=method)
    response.begin()
    body = response.read()
    if response.status != expected:
        raise RuntimeError(f"{method}: {response.status} {body[:300]!r}")
    return response


def hello(**_: Any) -> Reply:
    return {"done": 0, "seconds": time.perf_counter()}


if __name__ == "__main__":
    serve({"hello": hello, "upload": upload, "raw": raw})
