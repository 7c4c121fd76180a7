"""The raw limit of ingestion: a worker that copies rows which are ready, and commits."""

import json
import os
from collections import Counter
from typing import Any
from uuid import UUID

import psycopg

from billing.metering.names import uuid_of
from tests.benchmarks.usage.example import BATCH, ORGANISATIONS, event
from tests.benchmarks.workers import Reply, counted, serve

PARTITIONS = int(os.environ.get("EVENTSTORE_PARTITIONS", "8"))
COPY = """
COPY eventstore_storedevent (partition, tenant_id, stream_id, version, event_id, type,
    schema_version, data, metadata, occurred_at) FROM STDIN
"""

connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
prepared: list[str] = []


def hello(**_: Any) -> Reply:
    return {}


def prepare(*, writer: int, run: str, batches: int, tenants: list[str], **_: Any) -> Reply:
    """Make the lines of the rows that a sender's events would become."""
    source, versions = f"raw {run}/{writer}", Counter[int]()
    prepared.clear()
    for first in range(0, batches * BATCH, BATCH):
        lines = []
        for number in range(first, first + BATCH):
            versions[number % ORGANISATIONS] += 1
            version = versions[number % ORGANISATIONS]
            lines.append(_line(source, number, UUID(tenants[number % ORGANISATIONS]), version))
        prepared.append("".join(lines))
    return {}


def _line(source: str, number: int, tenant: UUID, version: int) -> str:
    sent = event(source, number)
    data = {name: sent[name] for name in ("type", "source", "id", "time", "data")}
    fields = [
        *(tenant.int % PARTITIONS, tenant, uuid_of(source), version, uuid_of(sent["id"])),
        *("usage.recorded", 2, json.dumps(data), '{"actor": "key benchkey"}', sent["time"]),
    ]
    return "\t".join(map(str, fields)) + "\n"


def copy(**_: Any) -> Reply:
    def work() -> int:
        for text in prepared:
            with connection.cursor().copy(COPY) as copy:
                copy.write(text)
        return len(prepared) * BATCH

    return counted(work)


if __name__ == "__main__":
    serve({"hello": hello, "prepare": prepare, "copy": copy})
