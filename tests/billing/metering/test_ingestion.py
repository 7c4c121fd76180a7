from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from billing.metering import ingestion
from billing.metering.events import UsageRecorded
from billing.metering.ingestion import BadBatch
from catacloud.accounts.api_keys import create_api_key, find_api_key
from eventstore.models import StoredEvent
from tests.factories import make_organisation

NOW = timezone.now()


def usage(**changes):
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "scheduler",
        "type": "catacloud.execution.finished",
        "subject": "acme",
        "time": "2026-11-01T12:00:00Z",
        "data": {"seconds": "12.5"},
    }
    return {**event, **changes}


def key_for(organisation):
    return find_api_key(create_api_key(organisation=organisation, name="tests", now=NOW))


@pytest.fixture
def acme(db):
    return make_organisation("Acme")


@pytest.fixture
def platform_key(acme):
    return key_for(None)


def send(key, *events):
    return ingestion.accept(ingestion.parse(msgspec.json.encode(events)), key=key, now=NOW)


def reasons(refused):
    return [(bad.index, bad.reason) for bad in refused.value.bad]


class TestAccept:
    def test_stores_the_quantity_exactly_and_the_data_as_they_came(self, platform_key):
        data = {"seconds": "0.100000000001", "model": "m"}
        assert send(platform_key, usage(data=data)) == 1
        stored = StoredEvent.objects.get()
        assert stored.data["quantity"] == "0.100000000001"
        assert stored.data["data"] == data
        assert stored.type == "usage.recorded"

    def test_counts_a_repeated_event_once(self, platform_key):
        assert send(platform_key, usage(), usage()) == 1
        assert send(platform_key, usage(), usage(id="2")) == 1

    def test_tells_sources_apart(self, platform_key):
        assert send(platform_key, usage(), usage(source="other")) == 2

    def test_takes_a_level_change_down_and_up(self, platform_key):
        change = {"type": "catacloud.storage.changed"}
        up = usage(**change, data={"bytes": 10**24})
        down = usage(**change, id="2", data={"bytes": str(-(10**24))})
        assert send(platform_key, up, down) == 2

    def test_needs_no_subject_with_an_organisations_key(self, acme):
        assert send(key_for(acme), usage(subject=None)) == 1
        assert StoredEvent.objects.get().tenant_id == acme.id

    def test_takes_now_where_no_time_is_given(self, platform_key):
        send(platform_key, usage(time=None))
        assert StoredEvent.objects.get().occurred_at == NOW

    def test_refuses_another_organisations_events(self, acme):
        stranger = key_for(make_organisation("Stranger"))
        with pytest.raises(BadBatch) as refused:
            send(stranger, usage())
        assert reasons(refused) == [
            (0, "There is no organisation 'acme' that this key may speak for.")
        ]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"type": "unheard.of"}, "No service counts events of the type 'unheard.of'."),
            ({"subject": "nobody"}, "There is no organisation 'nobody'"),
            ({"data": {}}, "data.seconds must be a number"),
            ({"data": None}, "data.seconds must be a number"),
            ({"data": {"seconds": "many"}}, "data.seconds must be a number"),
            ({"data": {"seconds": True}}, "data.seconds must be a number"),
            ({"data": {"seconds": "NaN"}}, "must lie between"),
            ({"data": {"seconds": "1e31"}}, "must lie between"),
            ({"data": {"seconds": "0.1234567890123"}}, "at most 12 decimals"),
            ({"data": {"seconds": -1}}, "may not be negative"),
            ({"time": (NOW + timedelta(hours=1)).isoformat()}, "is in the future"),
            ({"time": "0001-01-01T00:00:00+14:00"}, "is before 2000"),
        ],
    )
    def test_refuses_a_bad_event_with_the_whole_batch(self, platform_key, changes, reason):
        with pytest.raises(BadBatch) as refused:
            send(platform_key, usage(), usage(id="2", **changes))
        [(index, text)] = reasons(refused)
        assert index == 1
        assert reason in text
        assert not StoredEvent.objects.exists()


class TestParse:
    def test_takes_one_event_without_a_batch(self):
        [event] = ingestion.parse(msgspec.json.encode(usage()))
        assert event.id == "1"

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "truncated"),
            (b"{", "truncated"),
            (b"[1,", "not a JSON array"),
            (b"[]", "holds no event"),
            (b'"text"', "Expected `object`"),
            (b"[{}]", "missing required field `specversion`"),
            (msgspec.json.encode(usage(specversion="0.3")), "Invalid enum value '0.3'"),
            (msgspec.json.encode(usage(time="2026-11-01T12:00:00")), "timezone"),
            (msgspec.json.encode(usage(time="yesterday")), "RFC3339"),
            (msgspec.json.encode(usage(id="")), "length >= 1"),
            (msgspec.json.encode([usage()] * (ingestion.MAX_BATCH + 1)), "at most"),
        ],
    )
    def test_says_what_is_wrong(self, body, reason):
        with pytest.raises(BadBatch) as refused:
            ingestion.parse(body)
        assert reason in reasons(refused)[0][1]

    @given(
        st.binary()
        | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(msgspec.json.encode)
    )
    def test_never_fails_in_any_other_way(self, body):
        try:
            events = ingestion.parse(body)
        except BadBatch as error:
            assert error.bad  # noqa: PT017
        else:
            assert events


def test_the_recorded_event_outlives_a_round_trip():
    event = UsageRecorded(
        service="s", quantity=Decimal("1.0"), type="t", source="x", id="1", data=msgspec.Raw(b"{}")
    )
    assert msgspec.json.decode(msgspec.json.encode(event), type=UsageRecorded) == event
