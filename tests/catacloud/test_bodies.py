"""Bodies that are read as a whole, and those that are too large for it."""

from io import BytesIO

import pytest
from django.http import UnreadablePostError
from django.test import RequestFactory
from gunicorn.http.errors import InvalidChunkSize

from catacloud import bodies
from catacloud.bodies import BodyTooLarge


class Sender(BytesIO):
    """What a client sends, in chunks or not; it may break off in the middle."""

    fails_with: Exception | None = None

    def read(self, size: int | None = -1) -> bytes:
        if self.fails_with:
            raise self.fails_with
        return super().read(size)


def request(content, *, chunked=False, **headers):
    sent = Sender(content)
    made = RequestFactory().generic("POST", "/", b"", headers=headers)
    if chunked:
        made.META |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": sent}
    else:
        made.META["CONTENT_LENGTH"] = str(len(content))
        made._stream = sent
    return made, sent


@pytest.mark.parametrize("chunked", [False, True])
def test_one_that_is_not_too_large_is_returned(chunked):
    made, _ = request(b"x" * 100, chunked=chunked)
    assert bodies.read(made, at_most=100) == b"x" * 100


@pytest.mark.parametrize("chunked", [False, True])
def test_one_that_is_too_large_is_read_to_its_end_so_that_its_sender_hears_of_it(chunked):
    made, sent = request(b"x" * 900, chunked=chunked)
    with pytest.raises(BodyTooLarge, match="larger than 100 bytes"):
        bodies.read(made, at_most=100)
    assert sent.read() == b""


def test_one_whose_sender_waits_for_a_word_is_not_asked_for():
    made, sent = request(b"x" * 900, expect="100-continue")
    with pytest.raises(BodyTooLarge):
        bodies.read(made, at_most=100)
    assert len(sent.read()) == 900


def test_one_without_end_is_not_read_for_ever():
    made, sent = request(b"x" * 10**6, chunked=True)
    with pytest.raises(BodyTooLarge):
        bodies.read(made, at_most=100)
    assert len(sent.read()) > 10**5


@pytest.mark.parametrize("error", [ConnectionResetError(), InvalidChunkSize(b"zz")])
def test_one_that_breaks_off_is_unreadable(error):
    made, sent = request(b"x", chunked=True)
    sent.fails_with = error
    with pytest.raises(UnreadablePostError):
        bodies.read(made, at_most=100)
