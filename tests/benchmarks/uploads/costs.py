"""What an upload costs: bytes to the disk, bytes on it, and memory."""

from collections.abc import Iterator
from statistics import median

from tests.benchmarks.harness import Measure, at_most
from tests.benchmarks.uploads.runs import MIB, Bench

# 1.0, and what a file system adds by itself: a name in a folder and the last block of each segment.
ONCE = 1.02


def of_bytes(bench: Bench) -> Iterator[Measure]:
    """Of the uploads that were timed."""
    for parts in bench.written:
        kind = "1 stream" if parts == 1 else f"{parts} parts and final"
        once = [at_most(ONCE)]
        written, kept = median(bench.written[parts]), median(bench.kept[parts])
        yield Measure(f"written to disk per byte, {kind}", "bytes", written, bars=once)
        yield Measure(f"kept per byte, {kind}", "bytes", kept, bars=once)


def of_memory(bench: Bench) -> Iterator[Measure]:
    """Of everything that was measured before."""
    yield Measure("memory of a worker before its first upload", "MiB", bench.idle / MIB)
    peak = bench.place.peak_memory() / MIB
    yield Measure("peak memory of a worker", "MiB", peak, bars=[at_most(100, "MiB")])
