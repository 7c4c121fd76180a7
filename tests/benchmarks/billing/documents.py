"""PDFs, one after the other: laid out, with their data, which is checked by the official rules.

What the check costs is told by itself, for it is a third party's. By the processor's time, so that
what else runs on the machine counts for nothing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import TypeVar

from billing.invoicing.documents import einvoice, official_rules, pdf
from billing.invoicing.documents.document import Document
from billing.invoicing.documents.written import write
from tests.benchmarks.harness import Measure, Options, at_most
from tests.billing.invoicing.example_documents import make_document

T = TypeVar("T")
DOCUMENTS, LINES = 60, 8
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def each(name: str, options: Options) -> Iterator[Measure]:
    count = max(5, int(DOCUMENTS * options.scale))
    pdf.render(_document(0), now=NOW)  # a process compiles the rules once
    bars = [at_most(50, "ms")]
    made = _times(_documents(1, count), _made)
    yield Measure(f"{name}: made", "ms", made, bars=bars)
    data = [einvoice.unchecked(one, write(one)) for one in _documents(2, count)]
    yield Measure(f"{name}: the rules alone", "ms", _times(data, official_rules.broken_rules))
    whole = _times(_documents(3, count), lambda one: pdf.render(one, now=NOW))
    yield Measure(f"{name}: made and checked", "ms", whole, bars=bars)


def _documents(series: int, count: int) -> list[Document]:
    """Return others for each measure: what was laid out before, Typst still knows."""
    return [_document(10_000 * series + n) for n in range(count)]


def _document(number: int) -> Document:
    amounts = [f"{number + line}.{line:02}" for line in range(1, LINES + 1)]
    return make_document(*amounts, number=f"INV-2026-{number:05}")


def _made(document: Document) -> None:
    written = write(document)
    pdf.with_data(written, einvoice.unchecked(document, written), now=NOW)


def _times(each: Sequence[T], work: Callable[[T], object]) -> float:
    """Return the median, in milliseconds."""
    times = []
    for one in each:
        start = time.process_time()
        work(one)
        times.append((time.process_time() - start) * 1000)
    return median(times)
