from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import OperationalError

from eventstore import repository, store
from tests.factories import make_organisation
from tests.uploads.examples import NOON, put
from uploads import blobs, commands
from uploads.blobs import ShortRead
from uploads.events import FileCompleted, FileDeleted, FilePartStored, FileStarted
from uploads.file import File, FileIsComplete, FileIsIncomplete, Invalid, NoSuchFile
from uploads.models import UploadedFile

pytestmark = pytest.mark.django_db(transaction=True)  # bytes are removed after real commits

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def acme(transactional_db):
    return make_organisation()


@pytest.fixture
def file_id(acme):
    return commands.start_file(
        organisation=acme, name="a.txt", content_type="text/plain", now=NOON, actor="alice"
    )


def complete(acme, file_id, **expected):
    return commands.complete_file(organisation=acme, file_id=file_id, now=LATER, **expected)


def delete(acme, file_id):
    commands.delete_file(organisation=acme, file_id=file_id, now=LATER)


def recorded(acme, file_id):
    return list(store.read_stream(repository.key_of(File, tenant_id=acme.id, stream_id=file_id)))


def content(acme, file_id) -> bytes:
    file = commands.load_file(organisation=acme, file_id=file_id)
    return b"".join(blobs.read(file.blobs))


def on_disk(blob_root: Path) -> set[str]:
    return {path.name for path in blob_root.rglob("*") if path.is_file()}


def test_from_start_to_end_in_events_row_and_bytes(acme, file_id, blob_root):
    put(acme, file_id, 2, b"two")
    put(acme, file_id, 1, b"one")
    assert complete(acme, file_id, parts=2, size=6) == 6
    assert content(acme, file_id) == b"onetwo"
    row = UploadedFile.objects.get(id=file_id)
    assert (row.status, row.size, row.started_at, row.completed_at) == ("complete", 6, NOON, LATER)

    delete(acme, file_id)
    row.refresh_from_db()
    assert (row.status, row.deleted_at) == ("deleted", LATER)
    assert on_disk(blob_root) == set()
    kinds = [type(one.event) for one in recorded(acme, file_id)]
    assert kinds == [FileStarted, FilePartStored, FilePartStored, FileCompleted, FileDeleted]


def test_events_have_the_time_given_and_say_who(acme, file_id):
    [started] = recorded(acme, file_id)
    assert (started.occurred_at, started.metadata.actor) == (NOON, "alice")


def test_start_that_is_refused_leaves_nothing(acme):
    with pytest.raises(Invalid):
        commands.start_file(organisation=acme, name="a\nb", now=NOON)
    assert not UploadedFile.objects.exists()


class TestStorePart:
    def test_removes_what_it_replaces(self, acme, file_id, blob_root):
        put(acme, file_id, 1, b"old")
        kept = put(acme, file_id, 1, b"new")
        assert on_disk(blob_root) == {kept.blob.hex}

    def test_of_the_same_content_keeps_the_first_bytes(self, acme, file_id, blob_root):
        first = put(acme, file_id, 1, b"same")
        assert put(acme, file_id, 1, b"same") == first
        assert on_disk(blob_root) == {first.blob.hex}

    def test_refused_before_the_bytes_reads_none(self, acme, file_id):
        put(acme, file_id, 1, b"one")
        complete(acme, file_id)
        body = BytesIO(b"two")
        with pytest.raises(FileIsComplete):
            commands.store_part(
                organisation=acme, file_id=file_id, number=2, content=body, length=3, now=NOON
            )
        assert body.tell() == 0

    def test_refused_after_the_bytes_removes_them(self, acme, file_id, blob_root):
        first = put(acme, file_id, 1, b"one")

        class Completing(BytesIO):
            """A body during which somebody else completes the file."""

            def read(self, size=-1, /):
                complete(acme, file_id)
                return super().read(size)

        with pytest.raises(FileIsComplete):
            commands.store_part(
                organisation=acme,
                file_id=file_id,
                number=2,
                content=Completing(b"two"),
                length=3,
                now=NOON,
            )
        assert on_disk(blob_root) == {first.blob.hex}

    def test_keeps_the_bytes_when_nobody_knows_whether_it_committed(
        self, acme, file_id, blob_root, monkeypatch
    ):
        execute = repository.execute

        def commit_and_lose_the_connection(*args, **kwargs):
            execute(*args, **kwargs)
            raise OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(repository, "execute", commit_and_lose_the_connection)
        with pytest.raises(OperationalError):
            put(acme, file_id, 1, b"one")
        monkeypatch.undo()
        complete(acme, file_id)
        assert content(acme, file_id) == b"one"

    def test_of_a_body_that_breaks_off_changes_nothing(self, acme, file_id, blob_root):
        with pytest.raises(ShortRead):
            commands.store_part(
                organisation=acme,
                file_id=file_id,
                number=1,
                content=BytesIO(b"on"),
                length=3,
                now=NOON,
            )
        assert on_disk(blob_root) == set()
        assert len(recorded(acme, file_id)) == 1

    def test_writes_a_snapshot_only_now_and_then(self, acme, file_id, django_assert_num_queries):
        put(acme, file_id, 1, b"one")
        # Our row, then: begin, lock, insert, commit; the state is in the cache.
        with django_assert_num_queries(5) as queries:
            put(acme, file_id, 2, b"two")
        assert not any('INSERT INTO "eventstore_snapshot"' in query["sql"] for query in queries)


class TestAnotherOrganisation:
    def test_has_no_such_file(self, acme, file_id):
        put(acme, file_id, 1, b"one")
        stranger = make_organisation("Stranger")
        for act in (
            lambda: put(stranger, file_id, 1, b"mine"),
            lambda: complete(stranger, file_id),
            lambda: delete(stranger, file_id),
            lambda: commands.load_file(organisation=stranger, file_id=file_id),
        ):
            with pytest.raises(NoSuchFile):
                act()
        assert complete(acme, file_id) == 3


def test_complete_again_keeps_the_first_time(acme, file_id):
    put(acme, file_id, 1, b"one")
    complete(acme, file_id)
    assert commands.complete_file(organisation=acme, file_id=file_id, now=NOON) == 3
    assert UploadedFile.objects.get(id=file_id).completed_at == LATER


def test_delete_of_an_unfinished_file_frees_its_parts(acme, file_id, blob_root):
    put(acme, file_id, 1, b"one")
    delete(acme, file_id)
    delete(acme, file_id)
    assert on_disk(blob_root) == set()


def test_an_unfinished_or_unknown_file_cannot_be_read(acme, file_id):
    with pytest.raises(FileIsIncomplete):
        commands.load_file(organisation=acme, file_id=file_id)
    with pytest.raises(NoSuchFile):
        commands.load_file(organisation=acme, file_id=uuid4())


@pytest.mark.django_db(transaction=True)
def test_a_disk_that_will_not_delete_fails_nobody(monkeypatch, caplog):
    def refuse(blob_ids):
        raise PermissionError("read-only disk")

    organisation = make_organisation()
    file_id = commands.start_file(organisation=organisation, name="a.txt", now=NOON)
    put(organisation, file_id, 1, b"one")
    monkeypatch.setattr(blobs, "remove", refuse)
    commands.delete_file(organisation=organisation, file_id=file_id, now=NOON)
    assert "read-only disk" in caplog.text
