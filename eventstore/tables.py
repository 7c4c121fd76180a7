"""Which one of the partitioned tables has a tenant's streams, as the database has said once.

An update that names it spares the server locking and excluding all the others, at each append. The
tables change only when a migration partitions them anew, and all processes start again after that,
for partitions of the feed are counted by the same setting.

Events are not written by such a name: a trigger of statements, as the chain has, fires only where a
statement names the table that it was made for.
"""

from uuid import UUID

KNOWN_AT_MOST = 100_000  # tenants, of some 150 bytes each

_of_streams: dict[UUID, str] = {}


def of_streams(tenant_id: UUID) -> str | None:
    """Return the table that has a tenant's streams, as SQL; None where it is not known yet."""
    return _of_streams.get(tenant_id)


def learn(tenant_id: UUID, table: str) -> None:
    """Keep what the database says of a tenant."""
    if len(_of_streams) >= KNOWN_AT_MOST:
        _of_streams.clear()  # who still appends is asked for once more
    _of_streams[tenant_id] = table


def forget() -> None:
    """Forget all: the tables were partitioned anew."""
    _of_streams.clear()
