"""Send usage of any type, and take it back, as a client would."""

from datetime import UTC, datetime

import msgspec

from billing.metering.folding import saga
from billing.metering.ingesting import ingestion
from catacloud.accounts.models import ApiKey
from eventstore.models import Checkpoint, DeadLetter, StoredEvent

LATER = datetime(2030, 1, 1, tzinfo=UTC)


def send(organisation, *events, kind="test.tokens"):
    """Send data at times, each with the number of its event as the id."""
    batch = [
        {"specversion": "1.0", "id": id, "source": "s", "type": kind, "time": at, "data": data}
        for id, at, data in events
    ]
    key = ApiKey(organisation=organisation, prefix="tests")
    ingestion.accept(ingestion.parse(msgspec.json.encode(batch)), key=key, now=LATER)


def skip_the_last():
    """Let the saga pass the newest usage event by, as an operator may where it fails."""
    event = StoredEvent.objects.filter(type="usage.recorded").latest("position")
    DeadLetter.objects.create(
        consumer=saga.CONSUMER,
        partition=event.partition,
        position=event.position,
        tenant_id=event.tenant_id,
        stream_id=event.stream_id,
        version=event.version,
        error="ValueError",
        reason="tests",
        skipped_by="tests",
    )
    Checkpoint.objects.filter(consumer=saga.CONSUMER, partition=event.partition).update(
        position=event.position
    )
