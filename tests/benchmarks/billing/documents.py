"""PDFs, one after the other: laid out, with their data, which is checked by the official rules.

What the check costs is told by itself, for it is a third party's. By the processor's time, so that
what else runs on the machine counts for nothing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from statistics import median

from billing.invoicing import einvoice, official_rules, pdf
from billing.invoicing.document import Document
from billing.invoicing.written import write
from tests.benchmarks.harness import Measure, Options, at_most
from tests.billing.invoicing.documents import make_document

DOCUMENTS, LINES = 60, 8
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def each(name: str, options: Options) -> Iterator[Measure]:
    documents = [_document(n) for n in range(max(5, int(DOCUMENTS * options.scale)))]
    pdf.render(documents[0], now=NOW)  # a process compiles the rules once
    data = {one.number: einvoice.unchecked(one, write(one)) for one in documents}
    bars = [at_most(50, "ms")]
    yield Measure(f"{name}: made", "ms", _times(documents, _made), bars=bars)
    checked = _times(documents, lambda one: official_rules.broken_rules(data[one.number]))
    yield Measure(f"{name}: the rules alone", "ms", checked)
    whole = _times(documents, lambda one: pdf.render(one, now=NOW))
    yield Measure(f"{name}: made and checked", "ms", whole, bars=bars)


def _document(number: int) -> Document:
    amounts = [f"{number + line}.{line:02}" for line in range(1, LINES + 1)]
    return make_document(*amounts, number=f"INV-2026-{number:05}")


def _made(document: Document) -> None:
    written = write(document)
    pdf.with_data(written, einvoice.unchecked(document, written), now=NOW)


def _times(documents: Sequence[Document], work: Callable[[Document], object]) -> float:
    """Return the median, in milliseconds."""
    times = []
    for one in documents:
        start = time.process_time()
        work(one)
        times.append((time.process_time() - start) * 1000)
    return median(times)
