"""Clients as the soak needs them: they break off, stall and repeat themselves, but do not give up.

What they retry is what tus clients retry: a lost connection, 5xx, 409, 423 and 460. They ask for
the offset by HEAD, go on there, and repeat a final whose answer was lost.
"""

import hashlib
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from random import Random
from struct import pack
from typing import TypeVar

from tests.benchmarks.soak_uploads.ledger import File, Kept, Ledger
from tests.uploads.tus.client import OCTETS, Answer, Tus, encoded, metadata, path_of

T = TypeVar("T")

KIB, MIB = 2**10, 2**20
SIZES = ((0, 0), (1, 64 * KIB), (64 * KIB, MIB), (MIB, 6 * MIB))  # bytes
PARTS = 4
TRIES = 60
RETRIED = (409, 423, 460)  # and what is 500 or more
FAULTS = ("", "fin", "rst", "stall", "twice", "again", "wrong")
WEIGHTS = (45, 12, 12, 6, 10, 8, 7)


class Uncured(Exception):
    """An error that no retry cures."""


@dataclass
class Client:
    """Uploads one file; all that is random comes from ``seed``, whatever the server does."""

    tus: Tus
    ledger: Ledger
    seed: str
    stalled: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def run(self) -> None:
        try:
            self._run()
        except Uncured as error:
            with self.ledger.lock:
                self.ledger.failures.append(f"{self.seed}: {error}")
        finally:
            for connection in self.stalled:
                connection.close()

    def _run(self) -> None:
        content = self.random.randbytes(_size(self.random))
        in_parts = self.random.random() < 0.35
        fate = self.random.choices(["kept", "deleted", "abandoned"], [87, 8, 5])[0]
        if fate == "abandoned":
            url = self.create(len(content) + 1)  # one byte never comes
            self.upload(url, content)
            self.ledger.count("abandoned")
            return
        file = self.in_parts(content) if in_parts else self.in_one(content)
        if fate == "deleted":
            self.delete(file)
        else:
            with self.ledger.lock:
                self.ledger.files.append(file)

    def in_one(self, content: bytes) -> File:
        url = self.create(len(content))
        self.upload(url, content)
        return File(url, [content], [url])

    def in_parts(self, content: bytes) -> File:
        """Upload four parts at once; some finals come before the last part, some name one twice."""
        share = len(content) // PARTS
        pieces = [content[share * n : share * (n + 1)] for n in range(PARTS - 1)]
        pieces.append(content[share * (PARTS - 1) :])
        clients = [Client(self.tus, self.ledger, f"{self.seed}/{n}") for n in range(PARTS)]
        urls = [self.create(len(piece), **{"Upload-Concat": "partial"}) for piece in pieces]
        listed, said = list(range(PARTS)), metadata(filename=f"{self.seed}.bin")
        if self.random.random() < 0.2:
            listed.append(self.random.randrange(PARTS))
            self.ledger.count("parts named twice")
        locations: set[str] = set()

        def post() -> None:
            locations.add(self.final([urls[n] for n in listed], said))

        early = self.random.random() < 0.3
        if early:
            post()
            self.ledger.count("finals before their parts")
        with ThreadPoolExecutor(PARTS) as pool:
            list(
                pool.map(
                    lambda of: of[0].finish(of[1], of[2]), zip(clients, urls, pieces, strict=True)
                )
            )
        self._at_once(post, times=self.random.choice([1, 1, 2]))
        self._wait_for(post, locations, sum(len(pieces[n]) for n in listed))
        if len(locations) > 1:
            with self.ledger.lock:
                self.ledger.twice.append(f"{self.seed}: {locations}")
        return File(locations.pop(), [pieces[n] for n in listed], urls)

    def finish(self, url: str, content: bytes) -> None:
        try:
            self.upload(url, content)
        finally:
            for connection in self.stalled:
                connection.close()

    def create(self, length: int, **headers: str) -> str:
        def attempt() -> str | None:
            answer = self.send(
                "POST", self.tus.endpoint, b"", {"Upload-Length": str(length), **headers}
            )
            return answer.location if answer else None

        url = self.until(f"create {length}", attempt)
        with self.ledger.lock:
            self.ledger.uploads[url] = Kept()
        return url

    def final(self, urls: Sequence[str], said: str) -> str:
        headers = {"Upload-Concat": f"final;{' '.join(urls)}", "Upload-Metadata": said}

        def attempt() -> str | None:
            answer = self.send("POST", self.tus.endpoint, b"", headers)
            return answer.location if answer else None

        return self.until("final", attempt)

    def _wait_for(self, post: Callable[[], None], locations: set[str], size: int) -> None:
        """Wait until a final is complete; as long as it is not, post it again."""

        def attempt() -> bool | None:
            answer = self.send("HEAD", next(iter(locations)))
            if answer and answer.offset == size:
                return True
            if answer:
                self.ledger.count("finals found incomplete")
                post()
            return None

        self.until("complete final", attempt)

    def delete(self, file: File) -> None:
        asked_at = datetime.now(UTC)

        def attempt() -> bool | None:
            return self.send("DELETE", file.url, also=(404, 410)) is not None or None

        self.until("delete", attempt)
        self.ledger.count("deleted")
        for url in file.uploads:
            self.ledger.uploads[url].gone = (asked_at, datetime.now(UTC))

    def upload(self, url: str, content: bytes) -> None:
        kept, offset, tries = self.ledger.uploads[url], 0, 0
        chunk = max(1, len(content) // self.random.randint(1, 5))
        checked = self.random.random() < 0.3
        while offset < len(content):
            piece = content[offset : offset + chunk]
            fault = self.random.choices(FAULTS, WEIGHTS)[0] if tries < TRIES / 2 else ""
            kept.begun.append((offset + len(piece), datetime.now(UTC)))
            reached = self._try(url, offset, piece, fault, checked)
            time.sleep(self.random.uniform(0, 0.2))
            now_at = self.offset(url) if reached is None else reached
            tries = tries + 1 if now_at == offset else 0
            if tries > TRIES:
                raise Uncured(f"PATCH at {offset} of {url} never got on")
            offset = now_at

    def offset(self, url: str) -> int:
        """Ask for the offset by HEAD. Raises Uncured."""
        answer = self.until(f"HEAD {url}", lambda: self.send("HEAD", url))
        offset, kept = answer.offset, self.ledger.uploads[url]
        assert offset is not None
        if offset < kept.offset:
            with self.ledger.lock:
                self.ledger.lost.append(f"{url}: {kept.offset} bytes, then {offset}")
        kept.know(offset)
        return offset

    def content(self, url: str) -> bytes:
        """Download a file. Raises Uncured."""
        return self.until(f"GET {url}", lambda: self.send("GET", url)).body

    def _try(self, url: str, offset: int, piece: bytes, fault: str, checked: bool) -> int | None:
        """Send bytes, with a fault or none; return the new offset where the server said it."""
        headers = {**OCTETS, "Upload-Offset": str(offset)}
        if checked or fault == "wrong":
            right = hashlib.sha1(piece, usedforsecurity=False).digest()
            digest = bytes(20) if fault == "wrong" else right
            headers["Upload-Checksum"] = f"sha1 {encoded(digest)}"
        if fault:
            self.ledger.count(fault)
        if fault in ("fin", "rst", "stall"):
            self._break_off(url, piece, headers, fault)
            return None
        answers: list[Answer | None] = []

        def send() -> None:
            answers.append(self.send("PATCH", url, piece, headers))

        self._at_once(send, times=2 if fault == "twice" else 1)
        stored = [answer for answer in answers if answer]
        if fault == "again" and stored:
            send()
            stored = [answer for answer in answers if answer]
        if len(stored) > 1 or (stored and fault == "wrong"):
            with self.ledger.lock:
                self.ledger.twice.append(f"{fault}: {len(stored)} answers 204 at {offset} of {url}")
        if not stored or stored[0].offset is None:
            return None
        self.ledger.uploads[url].know(stored[0].offset)
        return stored[0].offset

    def _break_off(self, url: str, piece: bytes, headers: dict[str, str], fault: str) -> None:
        """Send a request and a random part of its body; then close, reset, or leave it be."""
        lines = [f"PATCH {path_of(url)} HTTP/1.1", f"Host: 127.0.0.1:{self.tus.port}"]
        whole = self.tus.headers({**headers, "Content-Length": str(len(piece))})
        lines += [f"{name}: {value}" for name, value in whole.items()]
        body = piece[: self.random.randrange(len(piece))]
        with suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", self.tus.port), timeout=10)
            self.stalled.append(connection)
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            time.sleep(self.random.uniform(0, 0.5))
            if fault == "rst":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
            if fault != "stall":
                connection.close()

    def send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        also: tuple[int, ...] = (),
    ) -> Answer | None:
        """Return the answer; None where it is to be tried again. Raises Uncured for others."""
        try:
            with self.tus.connection() as http:
                http.request(method, path_of(url), body, self.tus.headers(headers))
                response = http.getresponse()
                answer = Answer(response.status, response.headers, response.read())
        except (OSError, HTTPException):
            self.ledger.count("connections lost")
            return None
        if answer.status < 300 or answer.status in also:
            return answer
        self.ledger.count(f"{method} {answer.status}")
        if answer.status >= 500:
            with self.ledger.lock:
                self.ledger.broken.append(f"{method} {answer.status}: {answer.body[:200]!r}")
        elif answer.status not in RETRIED:
            raise Uncured(f"{method} {url}: {answer.status} {answer.body[:300]!r}")
        return None

    def until(self, what: str, attempt: Callable[[], T | None]) -> T:
        for number in range(TRIES):
            found = attempt()
            if found is not None:
                return found
            time.sleep(min(0.5, 0.02 * 2**number))
        raise Uncured(f"{what}: {TRIES} tries")

    def _at_once(self, work: Callable[[], None], *, times: int) -> None:
        if times == 1:
            return work()
        self.ledger.count("at once")
        with ThreadPoolExecutor(times) as pool:
            for done in [pool.submit(work) for _ in range(times)]:
                done.result()
        return None


def _size(random: Random) -> int:
    least, most = random.choices(SIZES, [5, 35, 40, 20])[0]
    return random.randint(least, most)
