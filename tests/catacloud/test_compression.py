"""What is compressed on its way."""

import pytest

ASKED = {"Accept-Encoding": "gzip"}


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "encoding"), [("/", "gzip"), ("/api/v1/openapi.json", None)])
def test_pages_are_compressed_and_what_programs_read_is_as_it_is(client, path, encoding):
    assert client.get(path, headers=ASKED).headers.get("Content-Encoding") == encoding
    assert "Content-Encoding" not in client.get(path).headers
