"""The pages that show the store to operators, and to nobody else."""

from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.urls import reverse

from eventstore import admin, store
from eventstore.events import Metadata
from eventstore.models import Checkpoint, DeadLetter, Horizon, StoredEvent
from eventstore.store import Append
from tests.eventstore.examples import NOON, TENANT, counted, stream
from tests.factories import make_user

pytestmark = pytest.mark.django_db

CONSUMERS = "/admin/eventstore/checkpoint/"
LETTERS = "/admin/eventstore/deadletter/"
STREAMS = "/admin/eventstore/checkpoint/streams/"


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)


@pytest.fixture
def key():
    key = stream()
    metadata = Metadata(actor="alice")
    store.append([Append(key=key, events=[counted(7), counted(8)])], metadata=metadata)
    return key


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def page_of(key):
    return reverse("admin:eventstore_stream", args=[key.tenant_id, key.stream_id])


class TestStreams:
    def test_are_linked_from_the_index_of_the_admin(self, client):
        assert f'href="{STREAMS}"' in text(client.get("/admin/"))

    def test_are_listed_with_a_link_to_their_events(self, client, key):
        page = text(client.get(STREAMS))
        assert f'href="{page_of(key)}"' in page

    def test_are_found_by_tenant_and_by_stream(self, client, key):
        other = stream(uuid4())
        store.append([Append(key=other, events=[counted()])])
        for wanted in (key.tenant_id, key.stream_id):
            page = text(client.get(STREAMS, {"q": wanted}))
            assert str(key.stream_id) in page
            assert str(other.stream_id) not in page

    def test_are_narrowed_by_type(self, client, key):
        assert str(key.stream_id) in text(client.get(STREAMS, {"type": "counter"}))
        assert str(key.stream_id) not in text(client.get(STREAMS, {"type": "file"}))

    @pytest.mark.parametrize("search", [{"q": "abc"}, {"type": "ghost"}, {"stream": "1"}])
    def test_that_cannot_be_are_no_error(self, client, key, search):
        assert str(key.stream_id) not in text(client.get(STREAMS, search))

    def test_go_on_page_by_page_and_miss_none(self, client, monkeypatch):
        monkeypatch.setattr(admin, "PAGE", 2)
        keys = [stream(UUID(int=tenant)) for tenant in (1, 1, 2, 2, 3)]
        store.append([Append(key=key, events=[counted()]) for key in keys])
        seen, query = [], ""
        for _ in range(3):
            context = client.get(f"{STREAMS}?{query}").context
            seen += [one.stream_id for one in context["streams"]]
            query = context["next"]
        assert seen == [key.stream_id for key in sorted(keys)]
        assert query == ""


class TestAStream:
    def test_shows_payload_and_metadata(self, client, key):
        page = text(client.get(page_of(key)))
        assert "&quot;by&quot;: 7" in page
        assert "&quot;actor&quot;: &quot;alice&quot;" in page

    def test_goes_on_page_by_page(self, client, key, monkeypatch):
        monkeypatch.setattr(admin, "PAGE", 1)
        first = client.get(page_of(key)).context
        assert [event["version"] for event in first["events"]] == [1]
        second = client.get(f"{page_of(key)}?{first['next']}").context
        assert [event["version"] for event in second["events"]] == [2]
        assert second["next"] == ""

    @pytest.mark.parametrize("after", ["x", "-1", "²"])
    def test_after_no_version_is_not_found(self, client, key, after):
        assert client.get(page_of(key), {"after": after}).status_code == 404

    def test_after_its_end_is_empty(self, client, key):
        assert "No events here" in text(client.get(page_of(key), {"after": "9" * 40}))

    def test_that_is_none_is_not_found(self, client):
        assert client.get(page_of(stream())).status_code == 404


class TestConsumers:
    def test_show_how_far_they_are_behind(self, client, key):
        last = StoredEvent.objects.latest("position").position
        partition = store.partition_of(TENANT)
        Checkpoint.objects.create(consumer="metrics", partition=partition, position=last - 1)
        [row] = client.get(CONSUMERS).context["rows"]
        assert (row.consumer, row.partition, row.events) == ("metrics", partition, 1)
        assert row.since == StoredEvent.objects.latest("position").recorded_at

    def test_show_for_how_long_an_event_has_waited(self, client, key):
        Checkpoint.objects.create(consumer="metrics", partition=store.partition_of(TENANT))
        connection.cursor().execute("SELECT pg_sleep(0.05)")
        [row] = client.get(CONSUMERS).context["rows"]
        assert row.seconds >= 0.05

    def test_are_behind_by_nothing_of_other_partitions(self, client, key):
        for partition in range(8):
            Checkpoint.objects.create(consumer="metrics", partition=partition)
        rows = client.get(CONSUMERS).context["rows"]
        events = {row.partition: row.events for row in rows if row.events}
        assert events == {store.partition_of(TENANT): 2}

    def test_show_what_fails(self, client):
        Checkpoint.objects.create(
            consumer="metrics",
            partition=3,
            attempts=2,
            failed_position=77,
            failed_at=NOON,
            retry_at=NOON,
            error="ValueError: <no> such service",
        )
        page = text(client.get(CONSUMERS))
        assert "at position 77, attempt 2, next at 12:00:00" in page
        assert "ValueError: &lt;no&gt; such service" in page

    def test_are_not_counted_without_end(self, client, key, monkeypatch):
        monkeypatch.setattr(admin, "COUNT_LIMIT", 1)
        Checkpoint.objects.create(consumer="metrics", partition=store.partition_of(TENANT))
        assert "more than 1" in text(client.get(CONSUMERS))

    def test_see_that_the_feed_holds(self, client):
        Horizon.objects.update(position=5, fence_position=9, fence_xid=700, held_since=NOON)
        assert "holds at position 5, before a gap" in text(client.get(CONSUMERS))


class TestDeadLetters:
    @pytest.fixture
    def letter(self, key):
        return DeadLetter.objects.create(
            consumer="metrics",
            partition=store.partition_of(key.tenant_id),
            position=7,
            tenant_id=key.tenant_id,
            stream_id=key.stream_id,
            version=2,
            error="ValueError: no such service",
            reason="A test run",
            skipped_by="ada",
        )

    def test_show_who_skipped_what_and_why(self, client, letter):
        page = text(client.get(LETTERS))
        assert "A test run" in page
        assert "ada" in page
        whole = text(client.get(f"{LETTERS}{letter.pk}/change/"))
        assert "ValueError: no such service" in whole
        assert 'name="_save"' not in whole

    def test_link_to_the_event(self, client, letter, key):
        address = f"{page_of(key)}?after=1"
        assert f'href="{address}"' in text(client.get(LETTERS))
        assert [one["version"] for one in client.get(address).context["events"]] == [2]

    def test_are_found_by_stream(self, client, letter, key):
        assert "A test run" in text(client.get(LETTERS, {"q": key.stream_id}))
        assert "A test run" not in text(client.get(LETTERS, {"q": uuid4()}))

    def test_are_linked_from_the_consumers(self, client):
        assert f'href="{LETTERS}"' in text(client.get(CONSUMERS))

    def test_stay_as_they_are(self, client, letter):
        for path in (f"{LETTERS}add/", f"{LETTERS}{letter.pk}/delete/"):
            assert client.post(path, {"post": "yes"}).status_code == 403
        client.post(f"{LETTERS}{letter.pk}/change/", {"reason": "Another"})
        client.post(LETTERS, {"action": "delete_selected", "_selected_action": letter.pk})
        assert DeadLetter.objects.get().reason == "A test run"


class TestWhoMayLook:
    @pytest.fixture
    def pages(self, key):
        return [CONSUMERS, LETTERS, STREAMS, page_of(key)]

    def test_is_no_customer(self, as_user, owner, pages):
        for page in pages:
            assert as_user(owner).get(page).status_code == 302

    def test_is_no_member_of_staff_without_the_permission(self, as_user, pages):
        staff = as_user(make_user("staff@example.org", is_staff=True))
        for page in pages:
            assert staff.get(page).status_code == 403
        assert STREAMS not in text(staff.get("/admin/"))

    def test_is_led_only_to_what_they_may_see(self, as_user):
        staff = make_user("staff@example.org", is_staff=True)
        staff.user_permissions.add(Permission.objects.get(codename="view_stream"))
        page = text(as_user(staff).get(STREAMS))
        assert 'aria-current="page">Streams' in page
        assert LETTERS not in page
        assert "Shreddings" not in page

    def test_changes_nothing(self, client, key):
        for path in (f"{CONSUMERS}add/", f"{CONSUMERS}1/change/", f"{CONSUMERS}1/delete/"):
            assert client.get(path).status_code == 404
