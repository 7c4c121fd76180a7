"""A tus client that does as it is told, also what is wrong. Only http.client and sockets."""

import base64
import fcntl
import json
import socket
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from struct import pack
from typing import Any
from urllib.parse import urlsplit

VERSION = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}

Headers = Mapping[str, str | None]  # None leaves a usual header out
Body = bytes | Iterable[bytes]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    def __getitem__(self, name: str) -> str | None:
        return self.headers[name]

    @property
    def offset(self) -> int | None:
        value = self["Upload-Offset"]
        return None if value is None else int(value)

    @property
    def location(self) -> str:
        value = self["Location"]
        assert value, f"{self.status} without a Location: {self.body[:500]!r}"
        return value

    @property
    def problem(self) -> dict[str, Any]:
        assert self["Content-Type"] == "application/problem+json", self
        body: dict[str, Any] = json.loads(self.body)
        return body

    def names(self, header: str) -> set[str]:
        """Return the members of a header that is a list, in lower case."""
        return {name.strip().lower() for name in (self[header] or "").split(",") if name.strip()}


@dataclass(frozen=True)
class Tus:
    """Requests of one program to the uploads of one organisation, each on a connection of its own.

    Every answer is checked for what holds for all of them: it is of tus 1.0.0, no failure of the
    server, and an error is problem JSON of the same status.
    """

    port: int
    slug: str
    who: Mapping[str, str]

    @property
    def endpoint(self) -> str:
        return f"/files/{self.slug}/"

    def send(
        self, method: str, url: str, body: Body | None = None, headers: Headers | None = None
    ) -> Answer:
        with self.connection() as http:
            chunked = body is not None and not isinstance(body, bytes)
            usual = {"Transfer-Encoding": "chunked"} if chunked else {}
            with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before the end
                http.request(
                    method,
                    path_of(url),
                    body,
                    self.headers({**usual, **(headers or {})}),
                    encode_chunked=chunked,
                )
            return checked(method, http.getresponse())

    def headers(self, changes: Headers | None = None) -> dict[str, str]:
        headers = {**VERSION, **self.who, **(changes or {})}
        return {name: value for name, value in headers.items() if value is not None}

    @contextmanager
    def connection(self) -> Iterator[HTTPConnection]:
        http = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            yield http
        finally:
            http.close()

    def options(self, url: str | None = None, **headers: str | None) -> Answer:
        return self.send("OPTIONS", url or self.endpoint, headers=named(headers))

    def head(self, url: str, **headers: str | None) -> Answer:
        return self.send("HEAD", url, headers=named(headers))

    def get(self, url: str, **headers: str | None) -> Answer:
        return self.send("GET", url, headers=named(headers))

    def delete(self, url: str, **headers: str | None) -> Answer:
        return self.send("DELETE", url, headers=named(headers))

    def create(
        self, length: int | str | None = None, body: Body | None = None, **headers: str | None
    ) -> Answer:
        """Create an upload; with a body also send its beginning."""
        declared = {} if length is None else {"Upload-Length": str(length)}
        kind = {} if body is None else OCTETS
        return self.send("POST", self.endpoint, body, {**declared, **kind, **named(headers)})

    def patch(
        self, url: str, offset: int | str | None, body: Body | None = b"", **headers: str | None
    ) -> Answer:
        place = {} if offset is None else {"Upload-Offset": str(offset)}
        return self.send("PATCH", url, body, {**OCTETS, **place, **named(headers)})

    def start(self, length: int | None, **headers: str | None) -> str:
        """Return the address of a new upload; without a length that is to be declared later."""
        deferred = {"Upload_Defer_Length": "1"} if length is None else {}
        answer = self.create(length, None, **deferred, **headers)
        assert answer.status == 201, answer
        return answer.location

    def upload(self, *pieces: bytes, **headers: str | None) -> str:
        """Return the address of a complete upload, which came in as many requests as pieces."""
        url = self.start(sum(map(len, pieces)), **headers)
        offset = 0
        for piece in pieces:
            answer = self.patch(url, offset, piece)
            offset += len(piece)
            assert (answer.status, answer.offset) == (204, offset), answer
        return url

    def partial(self, *pieces: bytes) -> str:
        return self.upload(*pieces, Upload_Concat="partial")

    def final(self, *urls: str, **headers: str | None) -> Answer:
        return self.create(None, None, Upload_Concat=f"final;{' '.join(urls)}", **headers)

    def content(self, url: str) -> bytes:
        answer = self.get(url)
        assert answer.status == 200, answer
        return answer.body

    def resume(self, url: str, content: bytes) -> Answer:
        """Send what is missing, as a client does that has lost its connection."""
        for _ in range(10):
            answer = self.patch(url, offset := self.head(url).offset or 0, content[offset:])
            if answer.status == 204:
                return answer
        raise TimeoutError(f"Ten times no upload: {answer}")

    @contextmanager
    def begin(
        self, method: str, url: str, *, sent: bytes, announced: int | None, headers: Headers
    ) -> Iterator[socket.socket]:
        """Send the head of a request and a part of its body; the caller decides how it ends.

        ``announced`` is its Content-Length; without one ``sent`` has to be chunked by the caller.
        """
        size = "Transfer-Encoding: chunked" if announced is None else f"Content-Length: {announced}"
        lines = [f"{name}: {value}" for name, value in self.headers(headers).items()]
        start = [f"{method} {path_of(url)} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", size, *lines]
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall("\r\n".join([*start, "", ""]).encode("latin-1") + sent)
            yield connection

    @contextmanager
    def begin_patch(
        self, url: str, *, sent: bytes, announced: int | None, offset: int = 0, **headers: str
    ) -> Iterator[socket.socket]:
        place = {**OCTETS, "Upload-Offset": str(offset), **named(headers)}
        with self.begin("PATCH", url, sent=sent, announced=announced, headers=place) as connection:
            yield connection


def path_of(url: str) -> str:
    """Return what stands in the request's first line, as it is: nothing is resolved."""
    parts = urlsplit(url)
    return url if not parts.netloc else parts._replace(scheme="", netloc="").geturl()


def named(headers: Headers) -> dict[str, str | None]:
    """Turn ``Upload_Length`` of a keyword into ``Upload-Length``."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def checked(method: str, response: HTTPResponse) -> Answer:
    answer = Answer(response.status, response.headers, response.read())
    assert answer.status < 500, answer
    assert answer["Tus-Resumable"] == "1.0.0", answer
    if answer.status >= 400 and method != "HEAD":
        assert answer.problem["status"] == answer.status
        assert answer.problem["detail"].endswith((".", "…")), "An error is a sentence."
    return answer


def answer_on(connection: socket.socket, method: str = "PATCH") -> Answer:
    """Read the answer to a request that was begun by hand."""
    with HTTPResponse(connection, method=method) as response:
        response.begin()
        return checked(method, response)


def status_on(connection: socket.socket) -> int | None:
    """Return the status that is answered, or None where the connection just ends."""
    try:
        start = connection.recv(100)
    except ConnectionError:
        return None
    return int(start.split()[1]) if start else None


def end_by_fin(connection: socket.socket) -> None:
    connection.close()


def end_by_rst(connection: socket.socket) -> None:
    wait_until(lambda: not unsent(connection))  # an RST drops what is still on its way
    time.sleep(0.1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
    connection.close()


def unsent(connection: socket.socket) -> int:
    """Return how many bytes the other side has not yet acknowledged."""
    return int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def metadata(**pairs: str | bytes) -> str:
    """Return a header Upload-Metadata."""
    return ",".join(f"{key} {encoded(value)}" for key, value in pairs.items())


def encoded(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def wait_until(condition: Callable[[], bool], *, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"It did not happen within {seconds} s."
        time.sleep(0.02)
