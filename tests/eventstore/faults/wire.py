"""A wire between a client and PostgreSQL that can be cut at any statement.

It reads the protocol, not Python: a statement is whatever a client sends and waits for, so BEGIN,
COMMIT and the fetches of a cursor count as well, whoever sends them.
"""

import select
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import pytest
from django.db import connection

from tests.eventstore.servers import on

ASKED = frozenset(b"QS")  # a client's messages that the server answers: Query, Sync
PARTS = frozenset(b"PBDECF")  # those that wait for a Sync
ANSWERED = ord("Z")  # the server's last message of an answer


class When(Enum):
    BEFORE = "before the server gets it"
    AMID = "amid its answer"
    AFTER = "before the client gets the answer"


@dataclass(frozen=True)
class Cut:
    nth: int
    when: When
    then: Callable[[], object]


@dataclass
class Wire:
    """Listens in a directory of its own, and cuts the line where it is told to."""

    cut: Cut | None = None
    statements: int = 0  # since the last order to cut
    is_cut: bool = False
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Wire":
        self._directory = tempfile.TemporaryDirectory(prefix="catacloud-wire-")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(Path(self._directory.name) / ".s.PGSQL.5432"))
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        self._directory.cleanup()

    def cut_at(self, nth: int, when: When, then: Callable[[], object] = lambda: None) -> None:
        """Cut the line at the nth statement from now on. Whoever uses it must be idle."""
        self.statements, self.is_cut = 0, False
        self.cut = Cut(nth, when, then)

    @contextmanager
    def in_use(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Let Django, and the processes that are started meanwhile, use this wire."""
        self.cut, self._server = None, dict(connection.settings_dict)
        with on({"HOST": self._directory.name, "PORT": "5432"}, monkeypatch):
            yield

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, self._to_server() as server, suppress(OSError):
            _Line(self, client, server).pass_on()

    def _to_server(self) -> socket.socket:
        host, port = self._server["HOST"], self._server["PORT"] or 5432
        if not host.startswith("/"):
            return socket.create_connection((host or "localhost", port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server


class _Line:
    """One client's connection through the wire."""

    def __init__(self, wire: Wire, client: socket.socket, server: socket.socket) -> None:
        self.wire, self.client, self.server = wire, client, server
        self.asking, self.held, self.answer = b"", b"", b""
        self.started = self.cutting = False

    def pass_on(self) -> None:
        while not self.wire.is_cut or not self.cutting:
            readable, _, _ = select.select([self.client, self.server], [], [])
            source = readable[0]
            if not (data := source.recv(65536)):
                return
            if source is self.client:
                self._from_client(data)
            else:
                self._from_server(data)

    def _from_client(self, data: bytes) -> None:
        self.asking += data
        if not self.started:  # the one message without a type
            length = int.from_bytes(self.asking[:4], "big")
            if len(self.asking) < length:
                return
            self.started = True
            self.server.sendall(self.asking[:length])
            self.asking = self.asking[length:]
        while message := _first_message(self.asking):
            self.asking = self.asking[len(message) :]
            self.held += message
            if message[0] in ASKED and self._cuts_before():
                return
            if message[0] not in PARTS:
                self.server.sendall(self.held)
                self.held = b""

    def _cuts_before(self) -> bool:
        cut = self.wire.cut
        if cut is None:
            return False
        self.wire.statements += 1
        self.cutting = self.wire.statements == cut.nth
        if self.cutting and cut.when is When.BEFORE:
            self._cut(cut)
            return True
        return False

    def _from_server(self, data: bytes) -> None:
        cut = self.wire.cut
        if not self.cutting or cut is None:
            self.client.sendall(data)
            return
        self.answer += data
        if _is_whole(self.answer):
            if cut.when is When.AMID:
                self.client.sendall(self.answer[: len(self.answer) // 2])
            self._cut(cut)

    def _cut(self, cut: Cut) -> None:
        self.wire.is_cut = True
        cut.then()


def _first_message(data: bytes) -> bytes:
    if len(data) < 5:
        return b""
    length = 1 + int.from_bytes(data[1:5], "big")
    return data[:length] if len(data) >= length else b""


def _is_whole(answer: bytes) -> bool:
    while message := _first_message(answer):
        if message[0] == ANSWERED:
            return True
        answer = answer[len(message) :]
    return False
