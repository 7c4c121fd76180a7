"""The store takes no bytes for a while: the client is told to wait, and nothing is half kept."""

import json

import pytest
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from tests.object_storage import KEYS
from tests.uploads.tus.client import Tus, path_of
from uploads.models import Segment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tus(gunicorn, acme) -> Tus:
    key = create_api_key(organisation=acme, name="tus", now=timezone.now())
    return Tus(gunicorn.port, acme.slug, {"Authorization": f"Bearer {key}"})


def assert_waits_for_the_store(tus, url):
    headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    with tus.connection() as http:
        http.request("PATCH", path_of(url), b"hello", tus.headers(headers))
        answer = http.getresponse()
        assert (answer.status, "try again" in json.load(answer)["detail"]) == (503, True)
    assert tus.head(url).offset == 0
    assert not Segment.objects.exists()


def test_a_disk_that_cannot_be_written_is_a_503_and_the_upload_goes_on_later(tus, blob_root):
    url = tus.start(5)
    blob_root.write_text("A file, where the folder of blobs should be.")
    assert_waits_for_the_store(tus, url)
    blob_root.unlink()
    tus.resume(url, b"hello")
    assert tus.content(url) == b"hello"


class TestABucket:
    @pytest.fixture
    def gunicorn_environ(self, bucket) -> dict[str, str]:
        return {**KEYS, "BLOB_STORE": bucket.url}

    def test_that_is_away_is_a_503_and_the_upload_goes_on_later(self, bucket, tus):
        url = tus.start(5)
        bucket.client.delete_bucket(Bucket=bucket.name)
        assert_waits_for_the_store(tus, url)
        bucket.client.create_bucket(Bucket=bucket.name)
        tus.resume(url, b"hello")
        assert tus.content(url) == b"hello"
