"""What happens to files: the published language of this room, and all that others import of it.

Sizes are bytes. Every event carries what changes by it, so a reader can add up what is stored
without knowing a file's history:

=============== ======================= ===========================
event           bytes of files          bytes of unfinished uploads
=============== ======================= ===========================
FilePartStored                          ``+ size - replaced_size``
FileCompleted   ``+ size - shared``     ``- (size - shared)``
FileDeleted     ``- (size - shared)``   ``- unfinished_size``
FileExpired                             ``- unfinished_size``
=============== ======================= ===========================

``shared`` bytes are those that another complete file of the organisation has as well: they count
there already, and still.
"""

from typing import Any, ClassVar
from uuid import UUID

from eventstore.events import Event, event_type, upcaster


@event_type("file.started", version=2)
class FileStarted(Event, frozen=True, kw_only=True):
    """An upload was begun; it has no bytes yet. Its name may say something about people.

    ``kind`` is plain, partial (bytes that only become a file as a part of one) or final (a file
    that is made of ``parts``, which are ids of partial uploads). ``metadata`` is as it was sent.
    """

    sealed: ClassVar[frozenset[str]] = frozenset({"name", "metadata"})

    name: str
    content_type: str
    kind: str = "plain"
    length: int | None = None
    metadata: str = ""
    parts: list[UUID] = []


@event_type("file.part_stored", version=2)
class FilePartStored(Event, frozen=True, kw_only=True):
    """Bytes from ``start`` on are on disk as a segment.

    In the first version parts had numbers in place of a start, and could replace earlier ones.
    """

    start: int | None
    size: int
    sha256: str
    segment: UUID
    replaced_size: int = 0


@event_type("file.completed", version=2)
class FileCompleted(Event, frozen=True, kw_only=True):
    """The bytes became one file of ``size`` bytes, which never changes again."""

    size: int
    shared: int = 0


@event_type("file.deleted", version=2)
class FileDeleted(Event, frozen=True, kw_only=True):
    """The upload is gone, and a complete file of ``size`` bytes with it: 0 where there was none.

    ``unfinished_size`` are its bytes that never became part of a file.
    """

    size: int
    unfinished_size: int = 0
    shared: int = 0


@event_type("file.expired")
class FileExpired(Event, frozen=True, kw_only=True):
    """The upload was given up, and its bytes that never became part of a file are gone."""

    unfinished_size: int


@upcaster("file.started", from_version=1)
@upcaster("file.completed", from_version=1)
@upcaster("file.deleted", from_version=1)
def _only_adds_defaults(data: dict[str, Any]) -> dict[str, Any]:
    return data


@upcaster("file.part_stored", from_version=1)
def _segment_without_a_start(data: dict[str, Any]) -> dict[str, Any]:
    data["segment"] = data.pop("blob")
    del data["number"]
    return data | {"start": None}
