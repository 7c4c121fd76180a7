"""A client of the files API over real HTTP. Without Django: other processes import it quickly."""

import json
from http.client import HTTPConnection
from typing import Any


class Client:
    """One keep-alive connection with one API key."""

    def __init__(self, port: int, key: str) -> None:
        self.http = HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {key}"}

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()

    def send(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        self.http.request(method, f"/api/v1{path}", body, self.headers)
        response = self.http.getresponse()
        return response.status, response.read()

    def start(self, name: str = "file.bin") -> str:
        status, body = self.send("POST", "/files", json.dumps({"name": name}).encode())
        if status != 201:
            raise RuntimeError(f"Not started: {status} {body!r}")
        file_id: str = json.loads(body)["id"]
        return file_id

    def put(self, file_id: str, number: int, content: bytes) -> tuple[int, Any]:
        status, body = self.send("PUT", f"/files/{file_id}/parts/{number}", content)
        return status, json.loads(body)

    def complete(self, file_id: str) -> tuple[int, Any]:
        status, body = self.send("POST", f"/files/{file_id}/complete")
        return status, json.loads(body)

    def download(self, file_id: str) -> bytes:
        status, body = self.send("GET", f"/files/{file_id}/content")
        if status != 200:
            raise RuntimeError(f"Not downloaded: {status} {body!r}")
        return body


def content_of(number: int, writer: int = 0) -> bytes:
    """Return bytes that tell parts and writers apart, of uneven lengths."""
    return f"part {number} by {writer};".encode() * (100 + number * 7 + writer)


barrier: Any = None  # of all processes of a race


def enter_race(shared: Any) -> None:
    global barrier  # a barrier reaches a spawned process only at its start
    barrier = shared


def race(port: int, key: str, file_id: str, writer: int, numbers: list[int]) -> list[int]:
    """Put parts as fast as possible, all processes from one moment on; return the statuses."""
    with Client(port, key) as client:
        barrier.wait(timeout=60)
        return [client.put(file_id, n, content_of(n, writer))[0] for n in numbers]
