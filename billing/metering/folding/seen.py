"""What a reader of usage has seen of it, to tell by the notes of changes (changed.py) what is new.

A note stands above the position that its partition was folded to before: so whoever read usage when
a partition stood at a position has seen all changes that are noted up to there.
"""

from collections.abc import Mapping
from uuid import UUID

from billing.metering.folding import freshness
from eventstore import feed
from eventstore.store import partition_of

Seen = Mapping[str, int]
"""Up to which position each partition was folded, as JSON keeps it: by its number, as text."""


def folded() -> Seen:
    """Return how far each partition is folded now: ask before usage is read."""
    return {str(partition): position for partition, position in freshness.folded().items()}


def lowest(seen: Seen) -> int:
    """Return up to where all partitions were folded: notes up to there tell nothing new."""
    return min((seen.get(str(one), 0) for one in feed.partitions()), default=0)


def is_new(organisation: UUID, position: int, seen: Seen) -> bool:
    """Say whether an organisation's note is of what was not seen."""
    return position > seen.get(str(partition_of(organisation)), 0)
