"""What happens to files: the published language of this room, and all that others import of it.

Sizes are bytes. Bytes are stored for a complete file from ``FileCompleted`` to ``FileDeleted``, and
for an unfinished one from each ``FilePartStored``. Every event carries the sizes that change by it,
so a reader can add up what is stored without knowing a file's history.
"""

from typing import ClassVar
from uuid import UUID

from eventstore.events import Event, event_type


@event_type("file.started")
class FileStarted(Event, frozen=True, kw_only=True):
    """A file was begun; it has no bytes yet. Its name may say something about people."""

    sealed: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str
    content_type: str


@event_type("file.part_stored")
class FilePartStored(Event, frozen=True, kw_only=True):
    """The bytes of part ``number`` (from 1) are on disk as ``blob``.

    They took the place of an earlier content of ``replaced_size`` bytes; 0 where there was none.
    """

    number: int
    size: int
    sha256: str
    blob: UUID
    replaced_size: int = 0


@event_type("file.completed")
class FileCompleted(Event, frozen=True, kw_only=True):
    """The parts became one file of ``size`` bytes, which never changes again."""

    size: int


@event_type("file.deleted")
class FileDeleted(Event, frozen=True, kw_only=True):
    """The file is gone, and ``size`` bytes of a complete file with it: 0 where it never was one.

    ``unfinished_size`` are the bytes of parts that never became a file.
    """

    size: int
    unfinished_size: int = 0
