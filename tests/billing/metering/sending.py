"""Send usage of any type, and take it back, as a client would."""

from datetime import UTC, datetime

import msgspec

from billing.metering import ingestion
from catacloud.accounts.models import ApiKey

LATER = datetime(2030, 1, 1, tzinfo=UTC)


def send(organisation, *events, kind="test.tokens"):
    """Send data at times, each with the number of its event as the id."""
    batch = [
        {"specversion": "1.0", "id": id, "source": "s", "type": kind, "time": at, "data": data}
        for id, at, data in events
    ]
    key = ApiKey(organisation=organisation, prefix="tests")
    ingestion.accept(ingestion.parse(msgspec.json.encode(batch)), key=key, now=LATER)
