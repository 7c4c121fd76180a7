from datetime import UTC, datetime, timedelta
from uuid import uuid5

import msgspec
import pytest
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from billing.metering import names
from billing.metering.events import UsageRecorded
from billing.metering.ingesting import ingestion
from billing.metering.ingesting.cloudevents import CloudEvent, read
from billing.metering.ingesting.digests import digest
from billing.metering.ingesting.ingestion import BadBatch, SentDifferently
from catacloud.accounts.api_keys import create_api_key, find_api_key
from eventstore import events as codec
from eventstore.models import StoredEvent
from tests.factories import make_organisation

NOW = timezone.now()
MICROSECOND = timedelta(microseconds=1)


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
    def test_stores_an_event_of_any_type_with_its_data_as_they_came(self, platform_key):
        data = b'{"seconds": 0.100000000001000, "n": 1000000000000000000000001}'
        body = msgspec.json.encode(usage(type="unheard.of", data=msgspec.Raw(data)))
        assert ingestion.accept(ingestion.parse(body), key=platform_key, now=NOW) == 1
        [stored] = StoredEvent.objects.annotate(text=Cast("data", TextField()))
        assert (stored.type, stored.schema_version) == ("usage.recorded", 2)
        assert '"seconds": 0.100000000001000' in stored.text
        assert '"n": 1000000000000000000000001' in stored.text
        assert stored.data["type"] == "unheard.of"
        assert stored.data["time"] == "2026-11-01T12:00:00Z"

    def test_takes_the_first_and_the_last_moment_and_none_beyond(self, platform_key):
        for last, beyond in (
            (ingestion.EARLIEST, -MICROSECOND),
            (NOW + ingestion.MAX_AHEAD, MICROSECOND),
        ):
            assert send(platform_key, usage(id=str(last), time=last)) == 1
            with pytest.raises(BadBatch):
                send(platform_key, usage(id="beyond", time=last + beyond))

    def test_takes_an_event_without_data(self, platform_key):
        nothing = usage()
        del nothing["data"]
        assert send(platform_key, nothing, usage(id="2", data=None)) == 2

    def test_counts_a_repeated_event_once(self, platform_key):
        assert send(platform_key, usage(), usage()) == 1
        assert send(platform_key, usage(), usage(id="2")) == 1

    def test_tells_sources_apart(self, platform_key):
        assert send(platform_key, usage(), usage(source="other")) == 2

    @pytest.mark.parametrize(
        "again",
        [
            {"time": "2026-11-01T13:00:00+01:00"},
            {"data": msgspec.Raw(b'{ "seconds" : "12.5" }')},
            {"dataschema": "elsewhere"},
        ],
    )
    def test_takes_the_same_content_written_differently_as_a_repeat(self, platform_key, again):
        assert send(platform_key, usage(), usage(**again)) == 1
        assert send(platform_key, usage(**again)) == 0

    def test_needs_no_subject_with_an_organisations_key(self, acme):
        assert send(key_for(acme), usage(subject=None)) == 1
        assert StoredEvent.objects.get().tenant_id == acme.id

    @pytest.mark.parametrize("whose", ["platform", "own"])
    def test_knows_an_organisation_by_its_external_key_too(self, acme, whose):
        acme.external_key = "customer 4711"
        acme.save()
        key = key_for(acme if whose == "own" else None)
        assert send(key, usage(subject="customer 4711"), usage(id="2", subject="acme")) == 2
        assert send(key, usage(subject="acme")) == 0  # the same event, by whatever name
        assert {one.tenant_id for one in StoredEvent.objects.all()} == {acme.id}

    def test_takes_now_where_no_time_is_given(self, platform_key):
        send(platform_key, usage(time=None))
        stored = StoredEvent.objects.get()
        assert (stored.occurred_at, stored.data["time"]) == (NOW, None)

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
            ({"subject": "nobody"}, "There is no organisation 'nobody'"),
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


class TestConflicts:
    @pytest.mark.parametrize(
        "changes",
        [
            {"data": {"seconds": "13"}},
            {"type": "other"},
            {"time": "2026-11-01T12:00:00.000001Z"},
            {"time": None},
        ],
    )
    def test_names_the_digests_of_what_stands_and_what_was_sent(self, platform_key, changes):
        send(platform_key, usage())
        with pytest.raises(SentDifferently) as refused:
            send(platform_key, usage(id="2"), usage(**changes))
        [bad] = refused.value.bad
        assert bad.index == 1
        time = datetime(2026, 11, 1, 12, tzinfo=UTC)
        stood = digest(type=usage()["type"], time=time, data=b'{"seconds": "12.5"}')
        assert bad.facts["stored_digest"] == stood
        assert bad.facts["sent_digest"] != stood
        assert stood in str(refused.value)
        assert bad.facts["sent_digest"] in str(refused.value)
        assert StoredEvent.objects.count() == 1

    def test_two_different_events_with_one_id_in_one_batch_are_one(self, platform_key):
        with pytest.raises(SentDifferently) as refused:
            send(platform_key, usage(), usage(data={"seconds": "13"}))
        assert [bad.index for bad in refused.value.bad] == [1]
        assert not StoredEvent.objects.exists()


class TestAcceptEach:
    def test_takes_the_good_ones_and_says_what_became_of_each(self, platform_key):
        send(platform_key, usage(id="old"), usage(id="changed"))
        batch = [
            usage(id="new"),
            usage(id="old"),
            usage(id="changed", data={"seconds": "1"}),
            usage(id="new"),
            usage(id="new", data={"seconds": "2"}),
            usage(id="5", subject="nobody"),
            usage(id="6", data="text"),
            usage(id="7", data={"x": "\0"}),
            usage(id="changed", data={"seconds": "1"}),
            usage(id="last"),
        ]
        events = read(msgspec.json.encode(batch))
        outcomes = ingestion.accept_each(events, key=platform_key, now=NOW)
        assert [one.index for one in outcomes] == list(range(len(batch)))
        assert [one.status for one in outcomes] == [
            *("accepted", "repeated", "refused", "repeated", "refused"),
            *("refused", "refused", "refused", "refused", "accepted"),
        ]
        assert all(bool(one.reason) == (one.status == "refused") for one in outcomes)
        assert StoredEvent.objects.count() == 4


class TestParse:
    def test_takes_one_event_without_a_batch(self):
        [event] = ingestion.parse(msgspec.json.encode(usage()))
        assert event.id == "1"

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "is empty"),
            (b"{", "truncated"),
            (b"[1,", "is not JSON"),
            (b"[]", "holds no event"),
            (b'"text"', "Expected `object`"),
            (b"[{}]", "missing required field `specversion`"),
            (msgspec.json.encode(usage(specversion="0.3")), "Invalid enum value '0.3'"),
            (msgspec.json.encode(usage(time="2026-11-01T12:00:00")), "timezone"),
            (msgspec.json.encode(usage(time="yesterday")), "RFC3339"),
            (msgspec.json.encode(usage(id="")), "length >= 1"),
            (msgspec.json.encode(usage(data="text")), "must be a JSON object or null"),
            (msgspec.json.encode(usage(data=[1])), "must be a JSON object or null"),
            (msgspec.json.encode(usage(data=5)), "must be a JSON object or null"),
            (msgspec.json.encode(usage(data_base64="e30=")), "data_base64"),
            (msgspec.json.encode(usage(datacontenttype="application/xml")), "datacontenttype"),
            (msgspec.json.encode(usage(data={"x": msgspec.Raw(b"1e1000")})), "an exponent beyond"),
            (msgspec.json.encode(usage(data={"x": ["a\\\0"]})), "hold a NUL"),
            (b'{"id": "\xff"}', "not UTF-8"),
            (msgspec.json.encode([usage()] * (ingestion.MAX_BATCH + 1)), "at most"),
        ],
    )
    def test_says_what_is_wrong(self, body, reason):
        with pytest.raises(BadBatch) as refused:
            ingestion.parse(body)
        assert reason in reasons(refused)[0][1]

    @pytest.mark.parametrize(
        ("decimals", "microseconds"),
        [
            ("9999999", 999_999),
            ("99999950000", 999_999),
            ("0000009", 0),
            ("123456789", 123_456),
            ("12345\\u0036789", 123_456),
            ("\\u0039999999", 999_999),
            ("12", 120_000),
        ],
    )
    @pytest.mark.parametrize("batch", [b"%s", b"[%s]", b'[{"id": NaN}, %s]'])
    def test_cuts_times_to_microseconds_and_never_rounds_them(self, decimals, microseconds, batch):
        time = msgspec.Raw(f'"2026-01-01T23:59:59.{decimals}Z"'.encode())
        data = {"note": "it was 23:59:59.9999999Z"}
        event = read(batch % msgspec.json.encode(usage(time=time, data=data)))[-1]
        assert isinstance(event, CloudEvent)
        assert event.time == datetime(2026, 1, 1, 23, 59, 59, microseconds, UTC)
        assert msgspec.json.decode(event.data) == data

    def test_takes_text_that_looks_like_a_large_number(self):
        data = {"hash": "01e9999", "x": 1e300}
        [event] = ingestion.parse(msgspec.json.encode(usage(data=data)))
        assert msgspec.json.decode(event.data) == data

    def test_takes_text_that_looks_like_a_nul(self):
        [event] = ingestion.parse(msgspec.json.encode(usage(data={"x": "\\u0000"})))
        assert msgspec.json.decode(event.data) == {"x": "\\u0000"}

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
    event = UsageRecorded(type="t", source="x", id="1", time=NOW, data=msgspec.Raw(b"{}"))
    assert msgspec.json.decode(msgspec.json.encode(event), type=UsageRecorded) == event


@given(st.text())
def test_ids_are_the_uuids_of_names(name):
    assert names.uuid_of(name) == uuid5(names.NAMESPACE, name)


def test_an_event_of_the_first_version_keeps_its_data_to_the_last_digit():
    data = b'{"service":"s","quantity":"1","type":"t","source":"x","id":"1","data":{"s":%s}}'
    digits = b"0.1000000000000000000000001"
    event = codec.decode(name="usage.recorded", version=1, data=data % digits)
    assert event == UsageRecorded(
        type="t", source="x", id="1", data=msgspec.Raw(b'{"s":%s}' % digits)
    )
