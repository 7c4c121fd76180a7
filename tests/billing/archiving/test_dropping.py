"""Payloads of what is archived go from the database; what names and counts events stays."""

import pytest
from django.db import connection

from billing.archiving.models import UsageArchive
from billing.archiving.writing import NotReadBack
from eventstore import chain, check
from eventstore.archives import ArchiveDiffers
from eventstore.models import Archive
from tests.billing.archiving.usage import (
    DAY,
    NOON,
    NOW,
    all_is_well,
    archive,
    archive_and_drop,
    catch_up,
    events,
    make_tokens,
    tables,
)
from tests.billing.metering.sending import send

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shelf_root")]


class TestDropping:
    def test_leaves_what_names_an_event_and_what_services_read(self, used):
        before = tables()
        assert archive_and_drop(used) == 7
        left = events(used)["4"]
        mark = left.pop("$archived")
        assert left == {
            "type": "test.tokens",
            "source": "s",
            "id": "4",
            "time": "2026-10-20T12:00:00Z",
            "data": {"n": "4.50", "at": {"region": "y"}},
        }
        assert mark["in"] == UsageArchive.objects.latest("month").record
        assert len(mark["digest"]) == 64
        assert "labels" in events(used)["7"]["data"]  # November is not closed
        assert tables() == before
        assert all_is_well()

    def test_leaves_events_as_they_are_that_would_not_be_smaller(self, used):
        small = {"n": "1", "unread": "x" * 9}
        send(used, *((f"small {n}", NOON + DAY, small) for n in range(3)))
        catch_up()
        assert archive_and_drop(used) == 7
        assert events(used)["small 1"]["data"] == small
        assert archive_and_drop(used) == 0
        assert all_is_well()

    def test_where_nothing_would_be_smaller_there_is_no_record(self, acme):
        make_tokens()
        send(acme, ("1", NOON, {"n": "1"}))
        catch_up()
        assert archive_and_drop(acme) == 0
        [noted] = UsageArchive.objects.all()
        assert (noted.record, noted.dropped_at) == (None, NOW)
        assert all_is_well()

    def test_again_drops_nothing(self, used):
        archive_and_drop(used)
        assert archive_and_drop(used) == 0
        assert Archive.objects.count() == UsageArchive.objects.count() == 2

    def test_drops_nothing_whose_archive_is_not_what_is_stored(self, used, shelf_root):
        archive(used)
        name = UsageArchive.objects.latest("month").name
        content = (shelf_root / name).read_bytes()
        (shelf_root / name).write_bytes(content[:-1] + b"x")
        with pytest.raises(NotReadBack, match="its digest differs"):
            archive_and_drop(used)
        (shelf_root / name).write_bytes(content)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE eventstore_storedevent DISABLE TRIGGER events_never_change")
            cursor.execute(
                "UPDATE eventstore_storedevent SET data = jsonb_set(data, '{data,n}', '7') "
                "WHERE data ->> 'id' = '5'"
            )
            cursor.execute("ALTER TABLE eventstore_storedevent ENABLE TRIGGER events_never_change")
        with pytest.raises(ArchiveDiffers, match="as they are stored"):
            archive_and_drop(used)
        assert "labels" in events(used)["5"]["data"]

    def test_keeps_the_chain_whole(self, used):
        chain.turn_on()
        try:
            archive_and_drop(used)
            assert list(check.findings()) == []
        finally:
            chain.turn_off()
