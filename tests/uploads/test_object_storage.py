"""The whole way with BLOB_STORE: over gunicorn, by tus, into a bucket and out of it again."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from catacloud.accounts.api_keys import create_api_key
from tests.object_storage import KEYS
from tests.uploads.examples import add
from tests.uploads.tus.client import Tus, wait_until
from uploads import collecting, objects

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(days=2)


@pytest.fixture
def gunicorn_environ(bucket) -> dict[str, str]:
    return {**KEYS, "BLOB_STORE": bucket.url}


@pytest.fixture
def tus(gunicorn, acme) -> Tus:
    key = create_api_key(organisation=acme, name="tus", now=timezone.now())
    return Tus(gunicorn.port, acme.slug, {"Authorization": f"Bearer {key}"})


def test_two_parts_become_a_file_that_comes_back_and_leaves_nothing(tus, bucket, blob_root: Path):
    one, two = os.urandom(objects.PART + 5), os.urandom(objects.PART // 2)
    parts = [tus.partial(one), tus.partial(two[:100], two[100:])]
    url = tus.final(*parts).location
    assert len(bucket.keys) == 3, "as many as there were requests: a file copies nothing"
    assert tus.content(url) == one + two

    first = len(one) - 10
    ranged = tus.get(url, Range=f"bytes={first}-{first + 19}")
    assert (ranged.status, ranged.body) == (206, one[-10:] + two[:10])

    assert tus.delete(url).status == 204
    collecting.collect(now=timezone.now())
    assert bucket.keys == bucket.half_sent == []
    assert not blob_root.exists()


def test_of_a_cut_upload_what_came_is_kept(tus, bucket):
    content = os.urandom(objects.PART)
    url = tus.start(len(content))
    with tus.begin_patch(url, sent=content[:1000], announced=len(content)):
        pass
    wait_until(lambda: tus.head(url).offset == 1000)
    assert tus.resume(url, content).offset == len(content)
    assert tus.content(url) == content
    assert len(bucket.keys) == 2


def test_a_file_of_one_object_comes_back(bucket, acme, as_user, owner):
    file_id = add(acme, b"hello")
    answer = as_user(owner).get(f"/files/{acme.slug}/{file_id}")
    assert (answer["Content-Length"], b"".join(answer)) == ("5", b"hello")


def test_what_a_crash_left_is_collected_after_a_day(bucket, acme):
    add(acme, b"hello", now=timezone.now())
    named = bucket.keys
    orphan = f"some/where/{'0' * 32}"
    bucket.client.put_object(Bucket=bucket.name, Key=orphan, Body=b"x")
    collecting.collect(now=timezone.now())
    assert set(bucket.keys) == {*named, orphan}
    collecting.collect(now=timezone.now() + LATER)
    assert bucket.keys == named
