"""How often what a request brings is kept, while it goes on."""

import time
from io import BytesIO

import pytest
from django.test import RequestFactory

from tests.factories import make_organisation
from tests.uploads.examples import NOON, begin
from uploads import receiving
from uploads.body import Body
from uploads.incoming import CHUNK
from uploads.models import Segment

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = bytes(range(256)) * (4 * CHUNK // 256) + b"end"


class Slow(BytesIO):
    def read(self, size=-1, /):
        time.sleep(0.1)
        return super().read(size)


def segments_of(content, source=BytesIO):
    """Receive content as one request, and return the sizes of the segments that it is kept in."""
    organisation = make_organisation("Acme")
    upload = begin(organisation, length=len(content))
    brought = {"wsgi.input": source(content)}
    request = RequestFactory().patch("/", content, "application/offset+octet-stream", **brought)
    turn = receiving.take_over(
        organisation=organisation, upload_id=upload, offset=0, brings=len(content), now=NOON
    )
    with Body(request) as body:
        receiving.receive(turn, body)
        assert body.complete
    kept = Segment.objects.filter(upload_id=upload).order_by("start")
    return list(kept.values_list("size", flat=True))


def test_a_request_is_one_segment(blob_root):
    assert segments_of(CONTENT) == [len(CONTENT)]


def test_a_long_request_is_segments_that_grow(blob_root, monkeypatch):
    monkeypatch.setattr(receiving, "SEGMENT", CHUNK)
    monkeypatch.setattr(receiving, "SHARE", 1)
    assert segments_of(CONTENT) == [CHUNK, CHUNK, 2 * CHUNK, 3]


def test_a_slow_request_is_kept_from_time_to_time(blob_root, monkeypatch):
    monkeypatch.setattr(receiving, "KEPT_WITHIN", 0.05)
    assert segments_of(CONTENT, Slow) == [CHUNK] * 4 + [3]
