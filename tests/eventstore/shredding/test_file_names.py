"""Uploads have their files' names sealed, and erased with their tenant."""

import pytest

from eventstore import repository
from tests.eventstore.examples import NOON
from tests.eventstore.shredding.erasing import all_tables, shred
from tests.factories import make_organisation
from uploads import commands
from uploads.file import File, NamesAreErased
from uploads.models import UploadedFile

pytestmark = pytest.mark.django_db(transaction=True)


class TestFiles:
    @pytest.fixture
    def acme(self):
        return make_organisation("Acme")

    def test_have_their_names_sealed(self, acme):
        commands.start_file(organisation=acme, name="cv of ada.pdf", now=NOON)
        assert "cv of ada" not in all_tables()

    def test_lose_their_names_and_nothing_else(self, acme):
        other = make_organisation("Globex")
        ours = commands.start_file(organisation=acme, name="cv of ada.pdf", now=NOON)
        commands.start_file(organisation=other, name="b.txt", now=NOON)
        shred(acme.id)
        assert UploadedFile.objects.get(id=ours).name == "[erased]"
        file = repository.load(File, tenant_id=acme.id, stream_id=ours).state
        assert (file.name, file.content_type) == ("[erased]", "application/octet-stream")
        assert UploadedFile.objects.get(organisation=other).name == "b.txt"
        commands.delete_file(organisation=acme, file_id=ours, now=NOON)

    def test_are_not_started_any_more(self, acme):
        shred(acme.id)
        with pytest.raises(NamesAreErased, match="starts no more files"):
            commands.start_file(organisation=acme, name="a.txt", now=NOON)
        assert not UploadedFile.objects.exists()
