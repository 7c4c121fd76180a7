"""How the event store knows a CloudEvent: its stream by the source, in there by its id.

And how tables know a value of a dimension that is too long for them.
"""

from hashlib import sha1, sha256
from uuid import UUID

NAMESPACE = UUID("7c9fba2e-3b61-4f0c-8a53-1f8f4c6d2b90")
PREFIX = NAMESPACE.bytes
VERSION_5, VERSION_BITS = 5 << 76 | 1 << 63, ~(0xF << 76 | 3 << 62)


def uuid_of(name: str) -> UUID:
    """Return ``uuid5(NAMESPACE, name)``, in a third of the time: there is one for each event."""
    digest = sha1(PREFIX + name.encode(), usedforsecurity=False).digest()
    return UUID(int=int.from_bytes(digest[:16], "big") & VERSION_BITS | VERSION_5)


def void_id(name: str) -> UUID:
    """Return the id of the event that takes back the one of an id: there can only be one of it."""
    return uuid_of(f"\0voided {name}")  # no sent id holds a NUL


LONGEST_VALUE, BEGINNING, DIGITS = 100, 67, 32  # characters


def as_kept(value: str) -> str:
    """Return how tables have a value of a dimension: a long one as its beginning and its digest.

    One that is of that form is taken for what a table has. When it is sent, ``billing_group_value``
    makes it a digest, too.
    """
    if len(value) <= LONGEST_VALUE:
        return value
    return f"{value[:BEGINNING]}…{sha256(value.encode()).hexdigest()[:DIGITS]}"
