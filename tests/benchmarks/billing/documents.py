"""PDFs, one after the other: laid out, with their data, which is checked by the official rules.

By the processor's time, so that what else runs on the machine counts for nothing.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

from billing.invoicing import pdf
from tests.benchmarks.harness import Measure, Options, at_most
from tests.billing.invoicing.documents import make_document

DOCUMENTS, LINES = 60, 8
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def each(name: str, options: Options) -> Iterator[Measure]:
    pdf.render(make_document("1.00"), now=NOW)  # a process compiles the rules once
    times = []
    for number in range(max(5, int(DOCUMENTS * options.scale))):
        amounts = [f"{number + line}.{line:02}" for line in range(1, LINES + 1)]
        document = make_document(*amounts, number=f"INV-2026-{number:05}")
        start = time.process_time()
        pdf.render(document, now=NOW)
        times.append((time.process_time() - start) * 1000)
    yield Measure(name, "ms", median(times), bars=[at_most(50, "ms")])
