"""Which stream types there are, and the aggregate of each: for whoever looks at a whole store.

Writing and reading need none of this. A check that replays snapshots, and a page that lists
streams, have to get from a type's name to its aggregate; a stream whose type nobody registered is
reported by the check, so a forgotten registration is found.
"""

from typing import TypeVar

from eventstore.aggregate import Aggregate
from eventstore.events import check_name

A = TypeVar("A", bound=type[Aggregate])

_aggregates: dict[str, type[Aggregate] | None] = {}


class DuplicateStreamType(Exception):
    """Two aggregates claim one stream type: give one of them another."""


def aggregate(cls: A) -> A:
    """Register an aggregate class under its ``stream_type``.

    Raises DuplicateStreamType and UnusableName.
    """
    _register(cls.stream_type, cls)
    return cls


def plain_streams(name: str) -> str:
    """Register a type of streams that no aggregate decides on; return it.

    Raises DuplicateStreamType and UnusableName.
    """
    _register(name, None)
    return name


def stream_types() -> list[str]:
    """Return all registered stream types, sorted."""
    return sorted(_aggregates)


def aggregate_of(name: str) -> type[Aggregate] | None:
    """Return the aggregate of a stream type; None where there is none."""
    return _aggregates.get(name)


def _register(name: str, cls: type[Aggregate] | None) -> None:
    check_name(name)
    if name in _aggregates:
        raise DuplicateStreamType(f"{_aggregates[name]} and {cls} are both streams {name!r}.")
    _aggregates[name] = cls
