"""Seal personal fields of events with their tenant's key, and open them again. Pure.

A sealed field is stored as ``{"$sealed": "<base64 of nonce and ciphertext>"}``: AES-256-GCM, bound
to its tenant, stream, event type and field, so that it opens at no other place.
"""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventstore import events as codec
from eventstore.events import Event, UnreadableEvent

KEY_BYTES = 32
NONCE_BYTES = 12
ERASED = "[erased]"  # what a reader sees of a field whose key is gone; None where that is allowed

_ERASED = msgspec.Raw(msgspec.json.encode(ERASED))
_NOTHING = msgspec.Raw(b"null")


class Place(NamedTuple):
    """Where an event stands: what it is sealed for."""

    tenant_id: UUID
    stream_id: UUID
    type: str


class Key:
    """The key of a tenant."""

    def __init__(self, secret: bytes) -> None:
        self._aead = AESGCM(secret)
        self._nonces = hmac.digest(secret, b"eventstore nonces", "sha256")

    def seal(self, value: bytes, about: bytes, event_id: UUID | None) -> bytes:
        """Seal a value, anew each time; under an event's id, always to the same.

        For an event that is sent again has to be found equal to the one that is stored.
        """
        if event_id is None:
            nonce = secrets.token_bytes(NONCE_BYTES)
        else:
            once = b"%s\0%s\0%s" % (event_id.bytes, about, value)
            nonce = hmac.digest(self._nonces, once, "sha256")[:NONCE_BYTES]
        return nonce + self._aead.encrypt(nonce, value, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Raises InvalidTag and ValueError."""
        return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)


Ring = Mapping[UUID, Key | None]
"""Tenants' keys; None where it was shredded."""


class _Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sealed: str = msgspec.field(name=codec.SEALED)


def seal(event: Event, place: Place, key: Key, event_id: UUID | None) -> msgspec.Raw:
    """Return an event's data as JSON, with its sealed fields sealed."""
    fields = msgspec.json.decode(codec.encode(event), type=dict[str, msgspec.Raw])
    for name in event.sealed & fields.keys():
        value = bytes(fields[name])
        if value != b"null":
            sealed = key.seal(value, _about(place, name), event_id)
            fields[name] = msgspec.Raw(msgspec.json.encode(_Mark(b64encode(sealed).decode())))
    return msgspec.Raw(msgspec.json.encode(fields))


def open_row(row: tuple[Any, ...], ring: Ring) -> tuple[Any, ...]:
    """Return a row of ``sql.EVENT`` with its sealed fields opened. Raises UnreadableEvent."""
    tenant, stream, version, position, *_, name, _schema, _metadata, data = row
    try:
        return (*row[:-1], open_data(data, Place(tenant, stream, name), ring))
    except UnreadableEvent as error:
        raise UnreadableEvent(
            f"Stream {stream}, version {version}, position {position}: {error}"
        ) from error


def open_data(data: str, place: Place, ring: Ring) -> str:
    """Return JSON data with their sealed fields opened, or erased. Raises UnreadableEvent."""
    if not codec.holds_marks(data):
        return data
    fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    for name in codec.sealed_names(place.type, fields):
        try:
            mark = msgspec.json.decode(fields[name], type=_Mark)
        except msgspec.ValidationError:
            continue  # it was written plainly, before the field was declared as sealed
        fields[name] = _opened(mark.sealed, name, place, ring)
    return msgspec.json.encode(fields).decode()


def _opened(sealed: str, name: str, place: Place, ring: Ring) -> msgspec.Raw:
    if place.tenant_id not in ring:
        raise UnreadableEvent(f"Tenant {place.tenant_id} has no key, and {name!r} is sealed.")
    key = ring[place.tenant_id]
    if key is None:
        return _NOTHING if codec.is_optional(place.type, name) else _ERASED
    try:
        return msgspec.Raw(key.open(b64decode(sealed, validate=True), _about(place, name)))
    except (InvalidTag, ValueError) as error:
        raise UnreadableEvent(
            f"{name!r} of {place.type!r} cannot be opened with its tenant's key."
        ) from error


def _about(place: Place, name: str) -> bytes:
    ids = place.tenant_id.bytes + place.stream_id.bytes
    return ids + f"{place.type}\0{name}".encode()
