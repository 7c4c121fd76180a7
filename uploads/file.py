"""The File aggregate: what may happen to an upload, and to the file that it becomes. Pure.

What is kept where, and which parts other files share, is in rows (models.py), which are changed in
the transaction of the events. What is decided from rows comes in as an argument.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from eventstore import registry
from eventstore.aggregate import Aggregate
from eventstore.events import Event
from eventstore.snapshots import EveryEvents, Policy
from eventstore.store import NewEvent
from uploads.events import (
    FileCompleted,
    FileDeleted,
    FileExpired,
    FilePartStored,
    FileStarted,
)

MAX_NAME = 255  # characters
CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)?", re.ASCII)
BYTES_OF_UNKNOWN_TYPE = "application/octet-stream"
UNNAMED = "unnamed"


class FileRefusal(Exception):
    """A command that the file's state does not allow; the message says what to do."""


class NoSuchFile(FileRefusal):
    """There is no such upload, or it is gone."""


class AlreadyStarted(FileRefusal):
    """An id is given once."""


class OutOfPlace(FileRefusal):
    """Bytes do not begin where the last ones ended, or end beyond the length."""


class NotToBeChanged(FileRefusal):
    """A complete file, or one that is made of parts, takes no bytes."""


class NamesAreErased(FileRefusal):
    """The organisation had its personal values erased, and a file's name would be one."""


class Kind(StrEnum):
    PLAIN = "plain"  # one upload is one file
    PARTIAL = "partial"  # bytes for files that are made of parts
    FINAL = "final"  # a file that is made of partial uploads


class Status(StrEnum):
    NONE = ""  # there is no such upload
    OPEN = "open"
    COMPLETE = "complete"  # of a partial upload: it has all its bytes
    DELETED = "deleted"
    EXPIRED = "expired"


GONE = (Status.DELETED, Status.EXPIRED)


@registry.aggregate
class File(Aggregate):
    stream_type: ClassVar = "file"
    state_version: ClassVar = 2
    snapshot: ClassVar[Policy] = EveryEvents(250)

    status: Status = Status.NONE
    kind: Kind = Kind.PLAIN
    length: int | None = None  # bytes; None until it is declared
    size: int = 0  # bytes that are stored

    def start(
        self,
        *,
        name: str,
        content_type: str,
        now: datetime,
        kind: Kind = Kind.PLAIN,
        length: int | None = None,
        metadata: str = "",
        parts: Sequence[UUID] = (),
    ) -> list[NewEvent]:
        """Begin. Raises AlreadyStarted."""
        if self.status is not Status.NONE:
            raise AlreadyStarted("The file was started before.")
        event = FileStarted(
            name=name,
            content_type=content_type,
            kind=kind,
            length=length,
            metadata=metadata,
            parts=list(parts),
        )
        return _new(event, now)

    def store(
        self, *, start: int, size: int, sha256: str, segment: UUID, now: datetime
    ) -> list[NewEvent]:
        """Take bytes that follow the last ones. Raises NoSuchFile, NotToBeChanged, OutOfPlace."""
        self._check_exists()
        if self.status is Status.COMPLETE or self.kind is Kind.FINAL:
            raise NotToBeChanged("The upload is complete and takes no more bytes.")
        if start != self.size or (self.length is not None and start + size > self.length):
            raise OutOfPlace(f"The upload has {self.size} bytes of {self.length}.")
        event = FilePartStored(start=start, size=size, sha256=sha256, segment=segment)
        return _new(event, now)

    def complete(self, *, size: int, shared: int = 0, now: datetime) -> list[NewEvent]:
        """Become a file of ``size`` bytes, of which others have ``shared``; once more is nothing.

        Raises NoSuchFile, and OutOfPlace where bytes are missing.
        """
        self._check_exists()
        if self.kind is not Kind.FINAL and size != self.size:
            raise OutOfPlace(f"The upload has {self.size} bytes of {size}.")
        if self.status is Status.COMPLETE:
            return []
        return _new(FileCompleted(size=size, shared=shared), now)

    def delete(
        self, *, now: datetime, shared: int = 0, part_of_a_file: bool = False
    ) -> list[NewEvent]:
        """Delete, complete or not; once more changes nothing. Raises NoSuchFile.

        ``shared`` bytes stay in other files; an upload that is ``part_of_a_file`` leaves its bytes
        to that.
        """
        if self.status in GONE:
            return []
        self._check_exists()
        if self.status is Status.COMPLETE and self.kind is not Kind.PARTIAL:
            return _new(FileDeleted(size=self.size, shared=shared), now)
        unfinished = 0 if part_of_a_file else self.size
        return _new(FileDeleted(size=0, unfinished_size=unfinished), now)

    def expire(self, *, now: datetime, part_of_a_file: bool = False) -> list[NewEvent]:
        """Give an unfinished upload up; a file stays. Raises NoSuchFile."""
        if self.status in GONE:
            return []
        self._check_exists()
        if self.status is Status.COMPLETE and self.kind is not Kind.PARTIAL:
            return []
        return _new(FileExpired(unfinished_size=0 if part_of_a_file else self.size), now)

    def apply(self, event: Event) -> None:
        match event:
            case FileStarted(kind=kind, length=length):
                self.status, self.kind, self.length = Status.OPEN, Kind(kind), length
            case FilePartStored(size=size, replaced_size=replaced):
                self.size += size - replaced
            case FileCompleted(size=size):
                self.status, self.size, self.length = Status.COMPLETE, size, size
            case FileDeleted():
                self.status = Status.DELETED
            case FileExpired():
                self.status = Status.EXPIRED
            case _:
                super().apply(event)

    def _check_exists(self) -> None:
        if self.status is Status.NONE or self.status in GONE:
            raise NoSuchFile("There is no such file.")


def clean_name(name: str) -> str:
    """Return a name for pages and headers: no folder, no line end, nothing that reads backwards."""
    visible = "".join(sign for sign in name if unicodedata.category(sign) not in UNSEEN)
    own = re.split(r"[/\\]", visible)[-1].strip()
    return own[:MAX_NAME] if own.strip(".") else UNNAMED


def clean_content_type(content_type: str) -> str:
    """Return the type, or that of unknown bytes for one that is none."""
    known = len(content_type) <= MAX_NAME and CONTENT_TYPE.fullmatch(content_type)
    return content_type if known else BYTES_OF_UNKNOWN_TYPE


UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, marks of direction, halves, line ends


def _new(event: Event, now: datetime) -> list[NewEvent]:
    return [NewEvent(event=event, occurred_at=now)]
