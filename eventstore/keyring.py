"""The flows that get tenants' keys, for drivers of both kinds. No I/O here.

Keys to open with are kept in the process for a short time. A key to seal with is asked for each
time: sealed with one that a restored database does not have, a value would be lost.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from threading import Lock
from uuid import UUID

from eventstore import events as codec
from eventstore import sql
from eventstore.cache import MAX_AGE
from eventstore.events import RecordedEvent, SealedEvent
from eventstore.rows import Append, decode_row
from eventstore.sealing import KEY_BYTES, Key, Ring, open_row
from eventstore.steps import Flow, Query, Row

SIZE = 10_000  # keys that a process keeps: more than the tenants of a page of events


class TenantShredded(Exception):
    """The tenant's personal values were erased, so none are recorded any more."""

    def __init__(self, tenant_id: UUID) -> None:
        super().__init__(
            f"The key of tenant {tenant_id} was shredded: events with sealed fields are over."
        )
        self.tenant_id = tenant_id


class KeyCache:
    """The keys that were read last, each for ``seconds`` at most."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size, self.seconds = size, seconds
        self._keys: OrderedDict[UUID, tuple[float, Key | None]] = OrderedDict()
        self._lock = Lock()

    def get(self, tenants: Collection[UUID]) -> dict[UUID, Key | None]:
        """Return what is known of the tenants' keys."""
        since = time.monotonic() - self.seconds
        with self._lock:
            known = {one: self._keys[one] for one in tenants if one in self._keys}
            return {one: key for one, (read_at, key) in known.items() if read_at > since}

    def put(self, keys: Mapping[UUID, Key | None]) -> None:
        with self._lock:
            for tenant, key in keys.items():
                self._keys.pop(tenant, None)
                self._keys[tenant] = time.monotonic(), key
            while len(self._keys) > self.size:
                self._keys.popitem(last=False)

    def forget(self, tenants: Iterable[UUID]) -> None:
        with self._lock:
            for tenant in tenants:
                self._keys.pop(tenant, None)


keys = KeyCache(SIZE, MAX_AGE)


def sealed_tenants(appends: Sequence[Append]) -> set[UUID]:
    """Return the tenants that have events with sealed fields among these."""
    sealed = codec.sealed_classes
    return {
        item.key.tenant_id
        for item in appends
        if not sealed.isdisjoint([type(new.event) for new in item.events])
    }


def to_seal(tenants: Set[UUID]) -> Flow[dict[UUID, Key]]:
    """Return the tenants' keys, making those that are missing. Raises TenantShredded."""
    ring = yield from _read(tenants)
    if missing := sorted(tenants - ring.keys()):
        secret = [secrets.token_bytes(KEY_BYTES) for _ in missing]
        yield Query(sql.MAKE_KEYS, {"tenants": missing, "keys": secret})
        ring |= yield from _read(missing)  # of whoever was first
    found = {}
    for tenant, key in ring.items():
        if key is None:
            raise TenantShredded(tenant)
        found[tenant] = key
    return found


def to_open(tenants: Collection[UUID]) -> Flow[Ring]:
    """Return the tenants' keys, those that there are."""
    ring = keys.get(tenants)
    if missing := [one for one in tenants if one not in ring]:
        ring |= yield from _read(missing)
    return ring


def decoded(rows: Sequence[Row]) -> Flow[list[RecordedEvent]]:
    """Decode rows of ``sql.EVENT``; ask for keys only where fields are sealed."""
    try:
        return [decode_row(row) for row in rows]
    except SealedEvent:
        ring = yield from to_open({row[0] for row in rows})
        return [decode_row(open_row(row, ring)) for row in rows]


def _read(tenants: Collection[UUID]) -> Flow[dict[UUID, Key | None]]:
    rows = yield Query(sql.KEYS, {"tenants": list(tenants)})
    ring = {tenant: secret and Key(secret) for tenant, secret, _ in rows}
    # What this very transaction wrote may be rolled back: nobody else shall come to know of it.
    keys.forget(tenants)
    keys.put({tenant: ring[tenant] for tenant, _, committed in rows if committed})
    return ring
