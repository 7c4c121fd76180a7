"""What tests of recounting append, and have the saga fold."""

from datetime import UTC, datetime, timedelta

from billing.metering.events import STREAM_TYPE, UsageVoided
from billing.metering.folding import saga
from billing.metering.names import uuid_of
from billing.metering.querying import months
from billing.metering.usage_months import UsageMonth
from billing.periods import month_of
from catacloud.accounts.models import Organisation
from eventstore import feed, store
from eventstore.events import StreamKey
from eventstore.store import Append, NewEvent

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OVER = NOON + timedelta(days=90)


def catch_up(limit=7):
    for partition in feed.partitions():
        while saga.advance(partition=partition, limit=limit):
            pass


def append(organisation, stream_id, kind, *events):
    key = StreamKey(organisation.id, stream_id, kind)
    new = [NewEvent(event=event, occurred_at=at) for event, at in events]
    store.append([Append(key=key, events=new)])


def void(organisation, id):
    event = UsageVoided(source="s", id=id, reason="sent by mistake")
    append(organisation, uuid_of("s"), STREAM_TYPE, (event, NOON))


def keep_months():
    """Keep those around ``NOON`` of all organisations; return how many."""
    each = [month_of(NOON.date() + timedelta(days=days)) for days in (-40, -1, 0, 40)]
    owners = list(Organisation.objects.values_list("pk", flat=True))
    months.read_months(owners, each, now=OVER)
    return UsageMonth.objects.count()
