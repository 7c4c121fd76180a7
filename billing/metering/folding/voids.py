"""Events that were taken back: they stay in the log, and count no more, whichever came first."""

from collections.abc import Iterable

from django.db import connection

from billing.metering.events import UsageVoided
from billing.metering.folding.readings import Named
from billing.metering.names import uuid_of
from eventstore.events import RecordedEvent


def note(events: Iterable[RecordedEvent]) -> Named:
    """Note what a window's events take back, and return it, but for what was noted before.

    Of that, what came before the window has been counted. What comes in the window or later is
    passed by when it is read.
    """
    rows = [
        (
            recorded.tenant_id,
            uuid_of(recorded.event.source),
            uuid_of(recorded.event.id),
            recorded.recorded_at,
            recorded.event.reason,
        )
        for recorded in events
        if isinstance(recorded.event, UsageVoided)
    ]
    if not rows:
        return []
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [list(column) for column in zip(*rows, strict=True)])
        new: Named = cursor.fetchall()
        return new


NOTE = """
INSERT INTO billing_voidedevent (organisation_id, stream_id, event_id, voided_at, reason)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::text[])
ON CONFLICT DO NOTHING RETURNING organisation_id, stream_id, event_id
"""
