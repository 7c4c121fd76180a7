"""Live usage for the demo: a program like any other, which sends events to the public API.

Run as ``python -m catacloud.demo.traffic http://127.0.0.1:8000``, with a platform key in the
environment variable CATACLOUD_KEY.
"""

import json
import os
import random
import sys
import time
import uuid
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from django.utils.text import slugify

from catacloud.demo.customers import CUSTOMERS, GB, REGIONS

PAUSE = 2.0  # seconds between two batches
STAYING = [customer for customer in CUSTOMERS if customer.leaves is None]


def batch(dice: random.Random, now: datetime) -> list[dict[str, object]]:
    """Return some jobs that have just finished, and now and then a change of what is stored."""
    events: list[dict[str, object]] = []
    for customer in dice.sample(STAYING, 3):
        seconds = dice.uniform(0.5, 2) * customer.hours * 3600 * PAUSE * len(STAYING) / 3 / 86_400
        job: dict[str, object] = {
            "type": "catacloud.execution.finished",
            "data": {"seconds": f"{seconds:.3f}", "region": dice.choice(REGIONS)},
        }
        size = dice.choice([1, 1, 1, -1]) * dice.randrange(1, 40) * GB // 10
        change: dict[str, object] = {
            "type": "catacloud.storage.changed",
            "data": {"bytes": str(size)},
        }
        events += [
            {
                "specversion": "1.0",
                "source": "demo/traffic",
                "id": str(uuid.uuid4()),
                "subject": slugify(customer.name),
                "time": now.isoformat(),
                **what,
            }
            for what in (job, change)
        ]
    return events


def send(address: str, key: str, events: list[dict[str, object]]) -> int:
    """Post a batch and return the status of the answer. Raises OSError and HTTPException."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=10)
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    try:
        connection.request("POST", "/api/v1/events", json.dumps(events), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def main(address: str) -> None:
    key, dice = os.environ["CATACLOUD_KEY"], random.Random()  # noqa: S311
    while True:
        events = batch(dice, datetime.now(UTC))
        try:
            sys.stdout.write(f"{len(events)} events: {send(address, key, events)}\n")
        except (OSError, HTTPException) as error:  # the server is starting or busy: try again
            sys.stdout.write(f"{len(events)} events: {error}\n")
        sys.stdout.flush()
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(sys.argv[1])
