"""Archives in a bucket instead of a folder: written, read back and checked over S3's protocol."""

from io import StringIO

import pytest
from django.core.management import call_command

from billing.archiving.models import UsageArchive
from catacloud.object_storage import storage
from tests.billing.archiving.usage import (
    archive,
    archive_and_drop,
    assert_found_by_check_usage,
    make_tokens,
    use,
    void,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shelf(bucket, settings):
    """A bucket as ARCHIVE_STORE names it."""
    own = storage(bucket.url, setting="ARCHIVE_STORE")
    settings.STORAGES = {**settings.STORAGES, "archive": own}
    return bucket


@pytest.fixture
def used(acme):
    make_tokens()
    use(acme, range(4))
    return acme


def check():
    call_command("check_usage", stdout=StringIO())


def test_archives_go_there_once_and_are_read_from_there(used, shelf):
    assert archive_and_drop(used) is not None
    assert archive(used) == 0
    names = [f"some/where/{one.name}" for one in UsageArchive.objects.all()]
    assert sorted(shelf.keys) == sorted([*names, *(f"{name}.json" for name in names)])
    void(used, "1")  # its quantity is known still
    check()


def test_what_is_missing_or_changed_there_is_found(used, shelf):
    archive(used)
    first, second = UsageArchive.objects.order_by("month")
    shelf.client.delete_object(Bucket=shelf.name, Key=f"some/where/{first.name}")
    shelf.client.put_object(Bucket=shelf.name, Key=f"some/where/{second.name}", Body=b"PAR1")
    assert_found_by_check_usage(gone=first, changed=second)


def test_what_a_kill_left_there_is_replaced(used, shelf, monkeypatch):
    def killed(self, **_):
        shelf.client.put_object(Bucket=shelf.name, Key=f"some/where/{self.name}", Body=b"PAR1")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(UsageArchive, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            archive(used)
    assert archive(used) == 4
    check()
