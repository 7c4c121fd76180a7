"""Usage to archive: of two months that are over, and of one that is not."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing.archiving import dropping, writing
from billing.archiving.models import UsageArchive
from billing.metering.events import STREAM_TYPE, UsageVoided
from billing.metering.folding import saga
from billing.metering.models import Definition
from billing.metering.names import uuid_of
from billing.metering.usage_tables import HourlyUsage
from eventstore import check, feed, store
from eventstore.events import StreamKey
from eventstore.models import StoredEvent
from eventstore.store import Append, NewEvent
from tests.billing.metering.sending import send
from tests.factories import make_service

NOON = datetime(2026, 9, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
WEEK = timedelta(days=7)


def make_tokens():
    tokens = make_service(slug="tokens")
    definition = Definition.objects.create(
        service=tokens, starts_at=NOON - 99 * DAY, event_types=["test.tokens"], quantity_path="n"
    )
    definition.dimensions.create(name="region", path="at.region", at_most=2)
    return tokens


def data(n):
    return {
        "n": f"{n}.50",
        "at": {"region": "zyx"[n % 3], "rack": n},
        "labels": {"job": "a long story " * 9},
    }


def use(organisation, numbers=range(12)):
    """Send an event every ten days, from September on."""
    send(organisation, *((str(n), NOON + n * 5 * DAY, data(n)) for n in numbers))
    catch_up()


def void(organisation, id):
    key = StreamKey(organisation.id, uuid_of("s"), STREAM_TYPE)
    event = UsageVoided(source="s", id=id, reason="sent by mistake")
    store.append([Append(key=key, events=[NewEvent(event=event, occurred_at=NOON)])])
    catch_up()


def catch_up(limit=100):
    for partition in feed.partitions():
        while saga.advance(partition=partition, limit=limit):
            pass


def archive(organisation, *, now=NOW):
    return writing.archive(organisation, now=now, after=WEEK)


def archive_and_drop(organisation, *, now=NOW):
    archive(organisation, now=now)
    return dropping.drop(organisation, now=now)


def events(organisation):
    rows = StoredEvent.objects.filter(tenant_id=organisation.id, type="usage.recorded")
    return {row.data["id"]: row.data for row in rows}


def tables():
    rows = HourlyUsage.objects.order_by("organisation", "hour", "groups")
    return list(rows.values_list("organisation", "hour", "groups", "quantity", "event_count"))


def all_is_well():
    out = StringIO()
    call_command("check_usage", stdout=out)
    assert list(check.findings()) == []
    return True


def assert_found_by_check_usage(*, gone: UsageArchive, changed: UsageArchive) -> None:
    """These two archives are all that it finds, and it says what is wrong with each."""
    out = StringIO()
    with pytest.raises(CommandError, match=r"^2 findings\.$"):
        call_command("check_usage", stdout=out)
    of_gone, of_changed = out.getvalue().splitlines()
    assert of_gone.startswith(f"archives: {gone.name} cannot be read")
    assert of_changed.startswith(f"archives: {changed.name} is not the file that was written")
