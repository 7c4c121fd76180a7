"""Raw usage of closed months goes to files, each noted once it was read back."""

import json

import pyarrow.parquet as pq
import pytest
from django.db import IntegrityError, connection

from billing.archiving import files, shelf, writing
from billing.archiving.models import UsageArchive
from billing.archiving.writing import NotReadBack
from tests.billing.archiving.usage import (
    DAY,
    NOON,
    all_is_well,
    archive,
    data,
    use,
)
from tests.billing.metering.sending import send

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shelf_root")]


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
