"""Raw usage goes to files, and its payloads from the database; nothing else changes by that."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection

from billing.archiving import files, shelf, writing
from billing.archiving.models import UsageArchive
from billing.archiving.writing import NotReadBack
from billing.metering.ingesting.ingestion import SentDifferently
from billing.metering.inspecting import explaining, listing
from billing.metering.inspecting.listing import Wanted
from billing.metering.models import Definition, HourlyUsage
from billing.metering.querying import query
from billing.metering.querying.query import Query
from billing.metering.recounting import rebuilding, time_zones
from billing.metering.recounting.checking import findings
from eventstore import chain, check, feed
from eventstore.archives import ArchiveDiffers
from eventstore.models import Archive, StoredEvent
from tests.billing.archiving.usage import (
    DAY,
    NOON,
    NOW,
    archive,
    archive_and_drop,
    catch_up,
    data,
    make_tokens,
    use,
    void,
)
from tests.billing.metering.sending import send
from tests.factories import make_organisation, make_service

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _shelf(shelf_root):
    """Every test has its own folder."""


@pytest.fixture
def used(acme):
    make_tokens()
    use(acme)
    use(make_organisation("Globex"), range(3))
    return acme


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


class TestWriting:
    def test_puts_the_events_of_closed_months_into_files_of_their_own(self, used, shelf_root):
        assert archive(used) == 7
        september, october = UsageArchive.objects.all()
        assert [september.event_count, october.event_count] == [1, 6]
        assert (october.first_at, october.last_at) == (NOON + 5 * DAY, NOON + 30 * DAY)
        table = pq.read_table(shelf_root / october.name)
        assert [json.loads(one)["id"] for one in table["data"].to_pylist()] == [
            str(n) for n in range(1, 7)
        ]
        assert json.loads(table["data"][0].as_py())["data"] == data(1)
        manifest = json.loads((shelf_root / f"{october.name}.json").read_text())
        assert manifest == {
            "organisation": str(used.pk),
            "month": "2026-10-01",
            **{name: getattr(october, name) for name in ("first_position", "last_position")},
            **{name: getattr(october, name) for name in ("size", "sha256", "rows_sha256")},
            "first_at": "2026-10-05T12:00:00Z",
            "last_at": "2026-10-30T12:00:00Z",
            "events": 6,
        }
        assert all_is_well()

    def test_again_finds_only_what_came_late(self, used):
        archive(used)
        assert archive(used) == 0
        send(used, ("late", NOON + 6 * DAY, data(1)))
        assert archive(used) == 0  # not in the tables yet
        use(used, range(12, 13))
        assert archive(used) == 1
        assert list(UsageArchive.objects.values_list("event_count", flat=True)) == [1, 6, 1]

    def test_splits_a_large_month(self, used, monkeypatch):
        monkeypatch.setattr(writing, "EVENTS", 4)
        archive(used)
        assert list(UsageArchive.objects.values_list("event_count", flat=True)) == [1, 4, 2]

    def test_uses_what_a_killed_run_left_and_replaces_what_is_broken(self, used, shelf_root):
        archive(used)
        names = list(UsageArchive.objects.values_list("name", flat=True))
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE billing_usagearchive")
        written = (shelf_root / names[0]).stat().st_mtime_ns
        (shelf_root / names[1]).write_bytes(b"half of it")
        archive(used)
        assert list(UsageArchive.objects.values_list("name", flat=True)) == names
        assert (shelf_root / names[0]).stat().st_mtime_ns == written
        assert all_is_well()

    def test_notes_nothing_that_it_cannot_read_back(self, used, monkeypatch):
        monkeypatch.setattr(shelf, "get", lambda name: b"something else")
        with pytest.raises(NotReadBack, match="is not the file that was written"):
            archive(used)
        assert not UsageArchive.objects.exists()

    def test_notes_nothing_that_is_not_what_is_stored(self, used, monkeypatch):
        encode = files.encode

        def encode_otherwise(rows, **about):
            return encode((row._replace(data="{}") for row in rows), **about)

        monkeypatch.setattr(files, "encode", encode_otherwise)
        with pytest.raises(NotReadBack, match="does not have its events as they are stored"):
            archive(used)
        assert not UsageArchive.objects.exists()

    def test_reads_no_rows_that_the_manifest_does_not_know(self, used):
        archive(used)
        noted = UsageArchive.objects.latest("month")
        noted.rows_sha256 = "0" * 64
        with pytest.raises(NotReadBack, match="has other events than were written"):
            list(writing.read(noted))

    def test_leaves_a_month_to_another_run_that_is_at_it(self, used, monkeypatch):
        put, others = shelf.put, []

        def put_second(name, content):
            if not others:
                others.append(name)
                others.append(archive(used))
            put(name, content)

        monkeypatch.setattr(shelf, "put", put_second)
        assert archive(used) == 0
        assert others[1:] == [7]
        assert list(UsageArchive.objects.values_list("event_count", flat=True)) == [1, 6]

    def test_the_manifest_stays_as_it_is(self, used):
        archive(used)
        with pytest.raises(IntegrityError, match="stays in the manifest"):
            UsageArchive.objects.update(sha256="0" * 64)
        with pytest.raises(IntegrityError, match="stays in the manifest"):
            UsageArchive.objects.all().delete()


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
        out = StringIO()
        with pytest.raises(CommandError, match=r"^2 findings\.$"):
            call_command("check_usage", stdout=out)
        gone, changed = out.getvalue().splitlines()
        assert gone.startswith(f"archives: {first.name} cannot be read")
        assert changed.startswith(f"archives: {second.name} is not the file that was written")
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


# In files of two events each, so that kills fall between and into all steps.
RUN = """
import django
django.setup()
from billing.archiving import dropping, writing
from catacloud.accounts.models import Organisation
from tests.billing.archiving.usage import archive_and_drop
writing.EVENTS = 2
archive_and_drop(Organisation.objects.get(slug="acme"))
"""


def test_kills_at_any_point_lose_nothing(acme, shelf_root):
    make_tokens()
    use(acme, range(-40, 6))
    before, dice = tables(), random.Random(7)
    name = connection.settings_dict["NAME"]
    url = urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl()
    environment = os.environ | {"DATABASE_URL": url, "ARCHIVE_ROOT": str(shelf_root)}
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", RUN], env=environment) as process:
            started = UsageArchive.objects.count(), Archive.objects.count()
            deadline = time.monotonic() + 60
            while (UsageArchive.objects.count(), Archive.objects.count()) == started:
                if process.poll() is not None:
                    break
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(dice.random() / 5)
            process.send_signal(signal.SIGKILL)
        assert all_is_well()
    subprocess.run([sys.executable, "-c", RUN], env=environment, check=True)
    archived = UsageArchive.objects.exclude(dropped_at=None)
    assert sum(archived.values_list("event_count", flat=True)) == 46 - len(
        [one for one in events(acme).values() if "$archived" not in one]
    )
    assert UsageArchive.objects.filter(dropped_at=None).count() == 0
    assert tables() == before
    assert all_is_well()


def test_the_command_writes_and_drops_only_if_it_is_told_to(used):
    out = StringIO()
    call_command("archive_usage", "--after-days=7", "--organisation=acme", stdout=out)
    assert "; dropped the payloads of 0." in out.getvalue()
    call_command("archive_usage", "--after-days=7", "--drop", stdout=(out := StringIO()))
    assert "dropped the payloads of 0." not in out.getvalue()
    assert not UsageArchive.objects.filter(dropped_at=None).exists()
    with pytest.raises(CommandError, match="how long a month has to be closed"):
        call_command("archive_usage")
    with pytest.raises(CommandError, match="There is no organisation 'nobody'"):
        call_command("archive_usage", "--organisation=nobody", "--after-days=7")
