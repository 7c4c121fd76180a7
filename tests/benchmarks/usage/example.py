"""What is sent: usage of many organisations, as a few sources report it. Pure."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

ORGANISATIONS = 50
BATCH = 1000
TIME = datetime(2026, 11, 1, 12, tzinfo=UTC)

COUNTER, LEVEL = "catacloud.execution.finished", "catacloud.storage.changed"


def slug_of(organisation: int) -> str:
    return f"bench-{organisation}"


def event(source: str, number: int, *, at: datetime = TIME) -> dict[str, Any]:
    """Return a CloudEvent of the size that usage has; a source's numbers are its ids."""
    return {
        "specversion": "1.0",
        "id": f"job-{number}",
        "source": source,
        "type": COUNTER,
        "subject": slug_of(number % ORGANISATIONS),
        "time": at.isoformat(),
        "data": {"seconds": f"{number % 977}.25", "region": "eu-central", "node": "worker-17"},
    }


def bodies(source: str, *, batches: int) -> Iterator[bytes]:
    for first in range(0, batches * BATCH, BATCH):
        events = [event(source, number) for number in range(first, first + BATCH)]
        yield json.dumps(events, separators=(",", ":")).encode()
