"""How soon what brings no bytes is answered: the final, and HEAD while others upload."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles
from threading import Thread
from urllib.parse import urlsplit

from tests.benchmarks.harness import Measure, Side, at_most, medians
from tests.benchmarks.uploads.runs import MIB, PARTS, Bench

FINALS = 15  # of each size
HEADS = 500
SIZES = (64, 2048)  # MiB


def finals(bench: Bench) -> Iterator[Measure]:
    sides: dict[str, Side] = {}
    for mib in SIZES:
        size = round(mib * MIB * bench.scale)
        rounds = -(-size // bench.size)  # the content may be shorter
        sent = [r for _ in range(rounds) for r in bench.send(PARTS, size=size // rounds)]
        parts = [reply["url"] for reply in sent]
        sides[f"POST of a final, {size / MIB:,.0f} MiB in {len(parts)} parts"] = _side(bench, parts)
    for name, milliseconds in medians(sides, runs=FINALS).items():
        yield Measure(name, "ms", milliseconds, bars=[at_most(50, "ms")])


def _side(bench: Bench, parts: list[str]) -> Side:
    def post(run: int) -> float:
        start = time.perf_counter()
        bench.place.final(parts, Upload_Metadata=f"run{run}")  # another file each time
        return _milliseconds(start)

    return post


def heads(bench: Bench) -> Iterator[Measure]:
    bars = [at_most(100, "ms")]
    yield Measure("HEAD while another streams, p99", "ms", _while_streaming(bench), bars=bars)
    with _stalled(bench) as url:
        times = [_head(bench, url) for _ in range(HEADS)]
    yield Measure("HEAD of an upload that stalls, p99", "ms", _p99(times), bars=bars)


def _while_streaming(bench: Bench) -> float:
    (other,) = bench.send(1)
    times: list[float] = []
    while len(times) < HEADS:
        sent: list[str] = []
        stream = Thread(target=lambda sent=sent: sent.extend(r["url"] for r in bench.send(1)))
        stream.start()
        while stream.is_alive():
            times.append(_head(bench, other["url"]))
        stream.join()
        bench.place.drop(*sent)
    bench.place.drop(other["url"])
    return _p99(times)


@contextmanager
def _stalled(bench: Bench) -> Iterator[str]:
    """An upload whose client has sent a half and then neither goes on nor away."""
    place, size = bench.place, MIB
    created = place.ask("POST", place.endpoint, 201, Upload_Length=str(size))
    url = created.headers["Location"]
    headers = {
        **place.account.headers,
        "Host": "127.0.0.1",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "0",
        "Content-Length": str(size),
    }
    lines = [f"PATCH {urlsplit(url).path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    with socket.create_connection(("127.0.0.1", place.server.port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + bytes(size // 2))
        yield url
    place.drop(url)


def _head(bench: Bench, url: str) -> float:
    start = time.perf_counter()
    bench.place.ask("HEAD", url, 200)
    return _milliseconds(start)


def _milliseconds(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]
