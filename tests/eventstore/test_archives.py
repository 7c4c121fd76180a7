"""Payloads may go once they are archived: what is kept stays, and the database sees to it."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from eventstore import archives, chain, check, feed, store
from eventstore.archives import ArchiveDiffers, Payloads
from eventstore.events import Event, StreamKey, event_type
from eventstore.models import Archive, StoredEvent
from eventstore.store import Append, NewEvent, OtherContent
from tests.eventstore.examples import NOON, TENANT, counted, stream

pytestmark = pytest.mark.django_db(transaction=True)

KEEPS = [["kind"], ["much", "litres"], ["much", "deep", "er"], ["nowhere", "at", "all"]]


@event_type("test.poured")
class Poured(Event, frozen=True, kw_only=True):
    kind: str
    much: dict[str, object] = {}
    note: str | None = None


def poured(litres, *, note="a long story", id=None):
    much = {"litres": litres, "deep": {"er": [1, 2], "est": 3}, "more": "x" * 50}
    event = Poured(kind="water", much=much, note=note)
    return NewEvent(event=event, occurred_at=NOON, event_id=id)


@pytest.fixture
def key():
    return stream()


@pytest.fixture
def positions(key):
    """Three events with payloads, between others; another tenant's as well."""
    other = StreamKey(UUID(int=5), key.stream_id, "counter")
    ids = [UUID(int=n) for n in range(3)]
    new = [counted(), *(poured(n, id=ids[n]) for n in range(3)), counted()]
    store.append([Append(key=key, events=new), Append(key=other, events=[poured(9)])])
    rows = StoredEvent.objects.filter(tenant_id=TENANT, type="test.poured").order_by("position")
    return list(rows.values_list("position", flat=True))


def payloads(positions, **others):
    values: dict[str, object] = {
        "tenant_id": TENANT,
        "type": "test.poured",
        "positions": positions,
        "digest": archives.content_digest(TENANT, positions),
        "digests": [f"digest {n}" for n in range(len(positions))],
        "keeps": KEEPS,
        "place": "shelf/1",
    }
    return Payloads(**(values | others))  # type: ignore[arg-type]


def drop(positions, **others):
    return archives.drop(payloads(positions, **others), by="tests")


def data(positions):
    rows = StoredEvent.objects.filter(position__in=positions).order_by("position")
    return list(rows.values_list("data", flat=True))


def test_only_what_is_kept_stays_with_the_mark(positions):
    record = drop(positions)
    assert data(positions) == [
        {
            "kind": "water",
            "much": {"litres": n, "deep": {"er": [1, 2]}},
            "$archived": {"in": record.id, "digest": f"digest {n}"},
        }
        for n in range(3)
    ]
    assert (record.events, record.first_position, record.last_position) == (
        3,
        positions[0],
        positions[-1],
    )
    assert list(check.findings()) == []
    assert [note for note in check.notes() if "Payloads of 3 events" in note]


def test_the_feed_and_the_stream_are_read_as_before(key, positions):
    drop(positions)
    read = [one.event for one in store.read_stream(key)]
    assert [one.much["litres"] for one in read if isinstance(one, Poured)] == [0, 1, 2]
    handed = []
    while feed.consume(
        consumer="tests", partition=store.partition_of(TENANT), handle=handed.extend, limit=2
    ):
        pass
    assert len([one for one in handed if one.tenant_id == TENANT]) == 5


def test_an_archive_that_has_other_events_drops_nothing(positions):
    before = data(positions)
    right = payloads(positions)
    for wrong in (
        replace(right, digest=b"other"),
        replace(right, type="test.counted"),
        replace(right, positions=positions[:2], digests=["a", "b"]),
    ):
        with pytest.raises(ArchiveDiffers, match="shelf/1 does not have the events"):
            archives.drop(wrong, by="tests")
    assert data(positions) == before
    assert not Archive.objects.exists()


def test_an_event_is_archived_once(positions):
    drop(positions)
    with pytest.raises(IntegrityError, match="for ever"):
        drop(positions)


class TestTheGuard:
    def change(self, change, position):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE eventstore_storedevent SET data = {change} WHERE position = %s", [position]
            )

    def mark(self, archive):
        return f"""jsonb_build_object('$archived', jsonb_build_object(
            'in', {archive.id}, 'digest', 'x'))"""

    def test_lets_an_event_become_what_a_record_leaves_and_nothing_else(self, key, positions):
        archive = drop(positions[:1])
        Archive.objects.create(
            tenant_id=TENANT,
            type="test.poured",
            first_position=positions[1],
            last_position=positions[1],
            events=1,
            keeps=KEEPS,
            digest=b"",
            left_digest=b"",
            place="x",
            archived_by="x",
        )
        record = Archive.objects.latest("id")
        left = f"eventstore_kept(data, '{json.dumps(KEEPS)}')"
        for refused in (
            f"{left} || {self.mark(archive)}",  # of other positions
            left,
            f"data || {self.mark(record)}",
            f"""{left} || {self.mark(record)} || '{{"more": 1}}'""",
            f"jsonb_set({left}, '{{much,litres}}', '7') || {self.mark(record)}",
        ):
            with pytest.raises(IntegrityError, match="for ever"):
                self.change(refused, positions[1])
        with pytest.raises(IntegrityError, match="for ever"):
            self.change(f"{left} || {self.mark(record)}", positions[2])
        self.change(f"{left} || {self.mark(record)}", positions[1])

    def test_keeps_records_as_they_are(self, positions):
        drop(positions)
        with pytest.raises(IntegrityError, match="stays on record"):
            Archive.objects.update(place="elsewhere")
        with pytest.raises(IntegrityError, match="stays on record"):
            Archive.objects.all().delete()


class TestTheCheck:
    def corrupt(self, sql, *values):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE eventstore_storedevent DISABLE TRIGGER events_never_change")
            cursor.execute(sql, values)
            cursor.execute("ALTER TABLE eventstore_storedevent ENABLE TRIGGER events_never_change")

    @pytest.mark.parametrize("chained", [False, True])
    def test_finds_an_archived_event_that_was_changed(self, positions, chained):
        if chained:
            chain.turn_on()
        try:
            drop(positions)
            assert list(check.findings()) == []
            self.corrupt(
                "UPDATE eventstore_storedevent SET data = jsonb_set(data, '{much,litres}', '7') "
                "WHERE position = %s",
                positions[1],
            )
            [finding] = check.findings()
            assert "were changed after their archive shelf/1 was made" in finding
        finally:
            chain.turn_off()

    def test_finds_a_mark_without_a_record(self, positions):
        self.corrupt(
            """UPDATE eventstore_storedevent SET data = data || '{"$archived": {"in": 77}}'
            WHERE position = %s""",
            positions[1],
        )
        assert list(check.findings()) == [
            "1 events say that archive 77 has their payloads; there is none."
        ]


def test_what_is_sent_again_is_a_repeat_that_only_its_archiver_can_compare(key, positions):
    drop(positions)
    again = [poured(1, id=UUID(int=1)), poured(500, id=UUID(int=2))]
    done = store.append([Append(key=key, events=again)])
    assert done.new == 0
    stood = [one.event for one in done.repeated if isinstance(one.event, Poured)]
    assert [one.much["litres"] for one in stood] == [1, 2]
    with pytest.raises(OtherContent):
        store.append([Append(key=key, events=[counted(event_id=UUID(int=1))])])
