"""When an organisation has its personal values erased: the names of its files are such."""

import pytest
from django.db import connection

from eventstore import repository
from eventstore.shredding import shred
from eventstore.store import read_stream
from tests.factories import make_organisation
from tests.uploads.examples import NOON, add
from uploads import ending
from uploads.file import File, NamesAreErased
from uploads.models import UploadedFile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme():
    return make_organisation("Acme")


def erase(organisation):
    shred(tenant_id=organisation.id, by="operator@example.org", reason="Asked for it.")


def stored_events():
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(data::text, ' ') FROM eventstore_storedevent")
        return cursor.fetchone()[0]


def started(organisation, file_id):
    key = repository.key_of(File, tenant_id=organisation.id, stream_id=file_id)
    return next(iter(read_stream(key))).event


def test_names_are_sealed_in_events(acme):
    add(acme, b"hello", name="cv of ada.pdf")
    assert "cv of ada" not in stored_events()


def test_names_are_lost_and_nothing_else(acme):
    other = make_organisation("Globex")
    ours = add(acme, b"hello", name="cv of ada.pdf", content_type="application/pdf")
    theirs = add(other, b"hello", name="b.txt")
    erase(acme)
    row = UploadedFile.objects.get(id=ours)
    assert (row.name, row.metadata, row.size) == ("[erased]", "", 5)
    assert started(acme, ours).name == "[erased]"
    assert started(acme, ours).content_type == "application/pdf"
    assert UploadedFile.objects.get(id=theirs).name == "b.txt"
    ending.delete(organisation=acme, upload_id=ours, now=NOON)


def test_no_more_files_are_started(acme):
    erase(acme)
    with pytest.raises(NamesAreErased, match="starts no more files"):
        add(acme, b"hello")
    assert not UploadedFile.objects.exists()
