"""Headers of tus on paper. What a server answers to them is in tests/uploads/tus."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads import protocol
from uploads.file import Kind
from uploads.protocol import MAX_LENGTH, Refusal

KEYS = st.text(
    st.characters(codec="ascii", categories=["L", "N"], include_characters="_-."), min_size=1
)


@given(st.dictionaries(KEYS, st.text(st.characters(exclude_categories=["Cs"]))))
def test_metadata_come_back_as_they_were(values):
    raw = ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items()
    )
    assert protocol.metadata_values(raw) == values


@given(st.text())
def test_metadata_are_read_or_refused(raw):
    with suppress(Refusal):
        assert all(protocol.metadata_values(raw))


@given(st.text() | st.integers().map(str))
def test_an_offset_is_a_number_of_bytes_or_refused(text):
    with suppress(Refusal):
        offset = protocol.offset({"Upload-Offset": text})
        assert 0 <= offset <= MAX_LENGTH
        assert str(offset) == (text.lstrip("0") or "0")


@pytest.mark.parametrize(
    ("headers", "kind", "length"),
    [
        ({"Upload-Length": "5"}, Kind.PLAIN, 5),
        ({"Upload-Defer-Length": "1"}, Kind.PLAIN, None),
        ({"Upload-Length": "0", "Upload-Concat": "partial"}, Kind.PARTIAL, 0),
        ({"Upload-Concat": "final;/files/a/1 /files/a/2"}, Kind.FINAL, None),
    ],
)
def test_a_creation_is_of_a_kind_and_a_length(headers, kind, length):
    asked = protocol.creation(headers)
    assert (asked.kind, asked.length) == (kind, length)


def test_the_parts_of_a_final_keep_their_order():
    asked = protocol.creation({"Upload-Concat": "final;/b  /a /b"})
    assert asked.parts == ["/b", "/a", "/b"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "1e3"},
        {"Upload-Length": str(MAX_LENGTH + 1)},
        {"Upload-Length": "5", "Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Concat": "final;"},
        {"Upload-Concat": "final;/a", "Upload-Length": "5"},
        {"Upload-Concat": "middle", "Upload-Length": "5"},
        {"Upload-Length": "5", "Upload-Metadata": "name !"},
        {"Upload-Length": "5", "Upload-Metadata": "näme bmFtZQ=="},
    ],
)
def test_a_creation_that_contradicts_itself_is_refused(headers):
    with pytest.raises(Refusal) as refused:
        protocol.creation(headers)
    assert refused.value.status == 400
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("text", ["", "md5 AA==", "sha1", "sha1 AA==", "sha1 ?", "SHA1 AA=="])
def test_a_checksum_that_is_none_is_refused(text):
    with pytest.raises(Refusal):
        protocol.checksum({"Upload-Checksum": text})


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://a.example/files/x/1/", ("a.example", "/files/x/1")),
        ("/files/x/1", ("", "/files/x/1")),
        ("1", ("", "1")),
        ("//b.example/files/x/1?y", ("b.example", "/files/x/1")),
    ],
)
def test_an_address_has_a_host_and_a_path(address, place):
    assert protocol.place_of(address) == place


def test_an_address_that_is_none_is_refused():
    with pytest.raises(Refusal):
        protocol.place_of("http://[/files/x/1")
