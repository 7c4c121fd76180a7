"""Ids of tenants whose events lie together: their partition's events are in one table alone.

PostgreSQL puts a tenant's events into one of the tables by a hash of its own, which 0015 asks for;
which partition they are of is a remainder (``rows.partition_of``). Of any ids, the events of each
partition would be spread over all tables, and who follows one would visit each page for a few rows:
adding up usage took a third longer so. Any id is right: stores that have others need nothing.
"""

import uuid
from uuid import UUID

from django.conf import settings

from eventstore.rows import partition_of

# PostgreSQL's src/include/catalog/partition.h, common/hashfn.h and common/hashfn.c: these never
# change, for tables keep their rows when a server is upgraded. On a big-endian machine the hash is
# another one: ids are then as good as any.
_SEED = 0x7A5B22367996DCFD
_COMBINED = 0x49A0F4DD15E5A8E3
_START = 0x9E3779B9 + 3923095 + 16
_32, _64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def new_tenant_id() -> UUID:
    """Draw an id at random whose events lie in the table of their partition's number."""
    while True:
        tenant_id = uuid.uuid4()
        if table_of(tenant_id) == partition_of(tenant_id):
            return tenant_id


def table_of(tenant_id: UUID) -> int:
    """Return which of the tables PostgreSQL puts a tenant's events into."""
    return (_hash(tenant_id.bytes) + _COMBINED & _64) % settings.EVENTSTORE_PARTITIONS


def _hash(key: bytes) -> int:
    """Hash 16 bytes as ``hash_bytes_extended`` does: Bob Jenkins' lookup3, with a seed."""
    words = [int.from_bytes(key[at : at + 4], "little") for at in range(0, 16, 4)]
    a, b, c = _mix(_START + (_SEED >> 32) & _32, _START + _SEED & _32, _START & _32)
    a, b, c = _mix(a + words[0] & _32, b + words[1] & _32, c + words[2] & _32)
    return _final(a + words[3] & _32, b, c)


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for turn in (4, 6, 8, 16, 19, 4):  # each takes the next of the three
        a, b, c = b, c + b & _32, (a - c & _32) ^ _turned(c, turn)
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for turn in (14, 11, 25, 16, 4, 14, 24):
        a, b, c = b, (c ^ b) - _turned(b, turn) & _32, a
    return a << 32 | b


def _turned(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _32
