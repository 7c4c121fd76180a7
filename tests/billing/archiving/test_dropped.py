"""Once payloads are dropped, events are accepted, corrected, counted and checked as before."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from billing.archiving.models import UsageArchive
from billing.metering.ingesting.ingestion import SentDifferently
from billing.metering.inspecting import explaining, listing
from billing.metering.inspecting.listing import Wanted
from billing.metering.models import Definition
from billing.metering.querying import query
from billing.metering.querying.asked import Query
from billing.metering.recounting import rebuilding, time_zones
from billing.metering.recounting.checking import findings
from billing.metering.restored import RestoredPayload
from billing.metering.usage_tables import HourlyUsage
from eventstore import check, feed
from eventstore.models import StoredEvent
from tests.billing.archiving.usage import (
    DAY,
    NOON,
    NOW,
    all_is_well,
    archive_and_drop,
    assert_found_by_check_usage,
    data,
    events,
    tables,
    use,
    void,
)
from tests.billing.metering.sending import send
from tests.factories import make_service

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shelf_root")]


class TestAfterIt:
    @pytest.fixture(autouse=True)
    def dropped(self, used):
        archive_and_drop(used)

    def test_the_same_content_is_accepted_and_counts_once(self, used):
        before = tables()
        same = data(3) | {"n": "3.50", "at": {"rack": 3.0, "region": "z"}}
        send(used, ("3", NOON + 15 * DAY, same))
        use(used, range(5))
        assert tables() == before
        assert all_is_well()

    @pytest.mark.parametrize("change", [{"n": "9"}, {"labels": None}, {"more": 1}])
    def test_other_content_is_refused_with_both_digests(self, used, change):
        digest = events(used)["3"]["$archived"]["digest"]
        batch = [("new", NOON, data(1)), ("3", NOON + 15 * DAY, data(3) | change)]
        with pytest.raises(SentDifferently) as refused:
            send(used, *batch)
        [bad] = refused.value.bad
        assert bad.index == 1
        assert bad.facts["stored_digest"] == digest != bad.facts["sent_digest"]
        assert "new" not in events(used)

    def test_other_times_are_other_content(self, used):
        with pytest.raises(SentDifferently):
            send(used, ("3", NOON + 15 * DAY + timedelta(microseconds=1), data(3)))

    def test_a_void_takes_back_exactly_what_was_read(self, used):
        void(used, "4")
        assert HourlyUsage.objects.filter(hour=NOON + 20 * DAY, event_count__gt=0).count() == 0
        assert all_is_well()

    def test_late_events_are_counted_and_archived_as_well(self, used):
        send(used, ("late", NOON + 20 * DAY, data(4)))
        use(used, range(12, 13))
        assert archive_and_drop(used) == 1
        assert all_is_well()
        void(used, "late")
        assert all_is_well()

    def test_a_rebuild_makes_the_same_tables(self, used):
        before = tables()
        HourlyUsage.objects.all().delete()
        rebuilding.rebuild(None, now=NOW)
        assert tables() == before

    def test_what_a_later_service_reads_of_them_comes_from_their_archives(self, used, shelf_root):
        racks = make_service(slug="racks")
        Definition.objects.create(
            service=racks,
            starts_at=NOON - 99 * DAY,
            event_types=["test.tokens"],
            quantity_path="at.rack",
        )
        with pytest.raises(CommandError):
            call_command("check_usage", stdout=StringIO())
        call_command("rebuild_usage", stdout=StringIO())
        rows = HourlyUsage.objects.filter(service=racks, organisation=used)
        assert sum(rows.values_list("quantity", flat=True)) == sum(range(12))
        assert all_is_well()
        [event] = listing.read(Wanted(organisations=[used.pk], source="s", id="4"), limit=1)
        [explained] = explaining.explain([event])
        assert [one.quantity for one in explained.findings] == [4, Decimal("4.5")]
        self.assert_that_what_counts_later_follows(used, racks)
        (shelf_root / UsageArchive.objects.latest("month").name).unlink()
        with pytest.raises(CommandError, match=r"cannot be read.*Without it, usage cannot be"):
            call_command("check_usage", stdout=StringIO())

    def test_no_more_comes_back_from_archives_than_services_read(self, used):
        for slug, path, left in [("racks", "at.rack", None), ("jobs", "labels.job", data(4))]:
            Definition.objects.create(
                service=make_service(slug=slug),
                starts_at=NOON - 99 * DAY,
                event_types=["test.tokens"],
                quantity_path=path,
            )
            call_command("rebuild_usage", stdout=StringIO())
            restored = RestoredPayload.objects.get(organisation=used, data__id="4").data["data"]
            assert restored.get("labels") == (left and left["labels"])
            assert restored["at"]["rack"] == 4

    def assert_that_what_counts_later_follows(self, used, racks):
        """Whatever reads single events again knows as much of them as the rebuild did."""
        first = NOON + 20 * DAY
        end = first + timedelta(minutes=1)
        asked = Query(service=racks, owners=[used.pk], first=first, end=end)
        assert [row.value for row in query.run(asked, now=NOW)] == [4]
        time_zones.change(used, time_zone="Asia/Kathmandu", now=NOW)
        assert all_is_well()
        void(used, "4")
        assert all_is_well()
        assert query.run(asked, now=NOW) == []

    def test_another_consumer_reads_them_all(self, used):
        read = []
        for partition in feed.partitions():
            while feed.consume(consumer="tests", partition=partition, handle=read.extend):
                pass
        assert len(read) == StoredEvent.objects.count()

    def test_check_usage_finds_a_file_that_is_gone_or_was_changed(self, used, shelf_root):
        first, second = UsageArchive.objects.filter(organisation=used)
        (shelf_root / first.name).unlink()
        (shelf_root / second.name).write_bytes(b"x")
        assert_found_by_check_usage(gone=first, changed=second)
        call_command("check_usage", "--organisation=globex", stdout=StringIO())

    def test_check_usage_finds_what_was_left_and_then_changed(self, used):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE eventstore_storedevent DISABLE TRIGGER events_never_change")
            cursor.execute(
                "UPDATE eventstore_storedevent SET data = jsonb_set(data, '{data,n}', '7') "
                "WHERE data ->> 'id' = '5' AND tenant_id = %s",
                [used.id],
            )
            cursor.execute("ALTER TABLE eventstore_storedevent ENABLE TRIGGER events_never_change")
        out = StringIO()
        with pytest.raises(CommandError):
            call_command("check_usage", stdout=out)
        assert "1 events are not as they were archived, the first at" in out.getvalue()
        rebuilding.rebuild(None, now=NOW)
        assert list(findings()) == []  # the tables now follow the event, but the archive tells
        assert len(list(check.findings())) == 1
