"""The worker that sends events over HTTP, and costs next to nothing itself: no Django here."""

import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any

from tests.benchmarks.usage.example import BATCH, bodies, event
from tests.benchmarks.workers import Reply, counted, serve

PATH = "/api/v1/events"

prepared: list[bytes] = []


class Client:
    """One connection that is kept, as every SDK keeps it."""

    def __init__(self, port: int, key: str) -> None:
        self.http = HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._connect()

    def _connect(self) -> None:
        self.http.connect()
        self.http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, body: bytes) -> None:
        try:
            self.http.request("POST", PATH, body, self.headers)
            response = self.http.getresponse()
        except ConnectionError:  # the server had closed it meanwhile
            self.http.close()
            self._connect()
            self.http.request("POST", PATH, body, self.headers)
            response = self.http.getresponse()
        answer = response.read()
        if response.status != 204:
            raise RuntimeError(f"{response.status} {answer[:300]!r}")


def hello(**_: Any) -> Reply:
    return {}


def prepare(*, writer: int, run: str, batches: int, **_: Any) -> Reply:
    """Make the bodies of a run before it is timed."""
    prepared[:] = bodies(f"{run}/{writer}", batches=batches)
    return {}


def send(*, port: int, key: str, **_: Any) -> Reply:
    client = Client(port, key)

    def work() -> int:
        for body in prepared:
            client.send(body)
        return len(prepared) * BATCH

    return counted(work)


def pace(*, writer: int, port: int, key: str, every: float, **_: Any) -> Reply:
    """Send a body every so many seconds; late ones are not made up for."""
    client = Client(port, key)

    def work() -> int:
        due = time.perf_counter() + every * writer / 4
        for body in prepared:
            time.sleep(max(0.0, due - time.perf_counter()))
            due = max(due + every, time.perf_counter())
            client.send(body)
        return len(prepared) * BATCH

    return counted(work)


def singles(*, port: int, key: str, run: str, seconds: float, rest: float, **_: Any) -> Reply:
    """Send events one by one, with a rest between them; return how long each took, in ms."""
    client = Client(port, key)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while (start := time.perf_counter()) < until:
        body = json.dumps(event(f"{run}/single", len(times), at=datetime.now(UTC))).encode()
        client.send(body)
        times.append((time.perf_counter() - start) * 1000)
        time.sleep(rest)
    return {"done": len(times), "times": times}


COMMANDS: dict[str, Callable[..., Reply]] = {
    "hello": hello,
    "prepare": prepare,
    "send": send,
    "pace": pace,
    "singles": singles,
}

if __name__ == "__main__":
    serve(COMMANDS)
