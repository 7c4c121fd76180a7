"""tus 1.0.0 on paper: what headers mean, and what they may not say. Pure.

Source: https://tus.io/protocols/resumable-upload (version 1.0.0). Where it is silent, the comments
say what is done here.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from uploads.file import Kind

VERSION: Final = "1.0.0"
EXTENSIONS: Final = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "checksum",
    "termination",
    "concatenation",
    "concatenation-unfinished",
)
ALGORITHMS: Final = ("sha1", "sha256")
CONTENT_TYPE: Final = "application/offset+octet-stream"
CHECKSUM_MISMATCH: Final = 460
OVERRIDES: Final = ("PATCH", "DELETE", "HEAD")

MAX_LENGTH = 2**63 - 1  # bytes, as the database counts them
NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
KEY = re.compile(r"[!-+\--~]+", re.ASCII)  # visible ASCII without a comma

Headers = Mapping[str, str]


class Refusal(Exception):
    """The request is refused with a status and a sentence that says what was wrong."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Creation(msgspec.Struct, frozen=True, kw_only=True):
    """What a creation asks for. ``length`` in bytes, None where it comes later."""

    kind: Kind
    length: int | None
    metadata: str  # as it was sent
    values: dict[str, str]  # of the metadata
    concat: str  # as it was sent
    parts: list[str]  # addresses of a final's parts, in order


class Checksum(msgspec.Struct, frozen=True):
    algorithm: str
    digest: bytes


def method_of(method: str, headers: Headers) -> str:
    """Return the method that is meant: a POST may stand for one that a proxy does not let pass."""
    meant = headers.get("X-HTTP-Method-Override", "").upper()
    if method != "POST" or not meant:
        return method
    if meant not in OVERRIDES:
        raise Refusal(400, f"X-HTTP-Method-Override may be {', '.join(OVERRIDES)}.")
    return meant


def check_version(headers: Headers) -> None:
    if headers.get("Tus-Resumable") != VERSION:
        raise Refusal(412, f"Send the header Tus-Resumable: {VERSION}.")


def creation(headers: Headers) -> Creation:
    """Read the headers of a creation. Raises Refusal."""
    concat = headers.get("Upload-Concat", "")
    kind, parts = _concatenation(concat)
    if kind is Kind.FINAL:
        _refuse_length(headers)
    metadata = headers.get("Upload-Metadata", "")
    return Creation(
        kind=kind,
        length=None if kind is Kind.FINAL else _length(headers),
        metadata=metadata,
        values=metadata_values(metadata),
        concat=concat,
        parts=parts,
    )


def offset(headers: Headers) -> int:
    given = _number(headers.get("Upload-Offset", ""))
    if given is None:
        raise Refusal(400, "Upload-Offset is missing, or not a whole number of bytes.")
    return given


def declared_length(headers: Headers) -> int | None:
    """Return the length that a PATCH declares, or None. Raises Refusal."""
    if "Upload-Length" not in headers:
        return None
    return _needed_length(headers)


def check_content_type(headers: Headers) -> None:
    if headers.get("Content-Type", "") != CONTENT_TYPE:
        raise Refusal(415, f"Send the bytes with Content-Type: {CONTENT_TYPE}.")


def has_bytes(headers: Headers) -> bool:
    """Say if a creation brings bytes along; a body of another type is no part of the upload."""
    return headers.get("Content-Type", "") == CONTENT_TYPE


def checksum(headers: Headers) -> Checksum | None:
    """Return the checksum that the body must have, or None. Raises Refusal."""
    if "Upload-Checksum" not in headers:
        return None
    algorithm, _, encoded = headers["Upload-Checksum"].strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise Refusal(400, f"Upload-Checksum: the algorithms here are {', '.join(ALGORITHMS)}.")
    digest = _decoded(encoded.strip())
    if digest is None or len(digest) != hashlib.new(algorithm).digest_size:
        raise Refusal(400, f"Upload-Checksum holds no {algorithm} digest in Base64.")
    return Checksum(algorithm, digest)


def metadata_values(raw: str) -> dict[str, str]:
    """Return the metadata as text. Of a key that comes twice, the last counts. Raises Refusal.

    A value that is not UTF-8 keeps what can be read of it.
    """
    values = {}
    for pair in raw.split(",") if raw.strip() else []:
        key, _, encoded = pair.strip().partition(" ")
        value = _decoded(encoded.strip())
        if not KEY.fullmatch(key) or value is None:
            raise Refusal(400, "Upload-Metadata has to be pairs: a key, a space, Base64.")
        values[key] = value.decode(errors="replace")
    return values


def file_name(values: Mapping[str, str]) -> str:
    """Return the name by the keys that clients use: filename, or name."""
    return values.get("filename") or values.get("name") or ""


def file_type(values: Mapping[str, str]) -> str:
    return values.get("filetype") or values.get("type") or ""


def place_of(address: str) -> tuple[str, str]:
    """Return host (none of a relative one) and path of a part's address. Raises Refusal."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise Refusal(400, "Upload-Concat names an address that is none.") from error
    return parts.netloc, parts.path.rstrip("/")


def _concatenation(raw: str) -> tuple[Kind, list[str]]:
    word, semicolon, addresses = raw.partition(";")
    match word.strip(), semicolon:
        case "", "":
            return Kind.PLAIN, []
        case "partial", "":
            return Kind.PARTIAL, []
        case "final", ";" if addresses.strip():
            return Kind.FINAL, addresses.split()
    raise Refusal(400, 'Upload-Concat is "partial", or "final;" and the addresses of the parts.')


def _refuse_length(headers: Headers) -> None:
    if "Upload-Length" in headers or "Upload-Defer-Length" in headers:
        raise Refusal(400, "A final upload has the length of its parts: send no length.")


def _length(headers: Headers) -> int | None:
    if "Upload-Defer-Length" not in headers:
        return _needed_length(headers)
    if "Upload-Length" in headers:
        raise Refusal(400, "Send Upload-Length or Upload-Defer-Length, not both.")
    if headers["Upload-Defer-Length"] != "1":
        raise Refusal(400, "Upload-Defer-Length can only be 1.")
    return None


def _needed_length(headers: Headers) -> int:
    length = _number(headers.get("Upload-Length", ""))
    if length is None:
        raise Refusal(400, "Upload-Length is missing, or not a whole number of bytes.")
    return length


def _number(text: str) -> int | None:
    if not NUMBER.fullmatch(text) or int(text) > MAX_LENGTH:
        return None
    return int(text)


def _decoded(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
