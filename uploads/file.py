"""The File aggregate: parts come in any order and become one file. Pure."""

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import msgspec

from eventstore import registry
from eventstore.aggregate import Aggregate
from eventstore.events import Event
from eventstore.snapshots import EveryEvents, Policy
from eventstore.store import NewEvent
from uploads.events import FileCompleted, FileDeleted, FilePartStored, FileStarted

MAX_PARTS = 10_000
MAX_NAME = 255  # characters
CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(;[\t\x20-\x7e]*)?", re.ASCII)


class FileRefusal(Exception):
    """A file refuses what is asked of it; the message says why in a sentence."""


class NoSuchFile(FileRefusal):
    """The organisation has no such file, or no longer."""


class AlreadyStarted(FileRefusal):
    """A file begins once."""


class FileIsComplete(FileRefusal):
    """A complete file takes no more parts."""


class FileIsIncomplete(FileRefusal):
    """Only a complete file can be read."""


class PartsMissing(FileRefusal):
    """There is a hole between the parts, or there are none at all."""


class NotWhatWasExpected(FileRefusal):
    """The parts do not make the file that the client means."""


class Invalid(FileRefusal):
    """A part number, name or content type that no file can have."""


class NamesAreErased(FileRefusal):
    """The organisation had all its personal values erased, and a file's name would be one."""


class Status(StrEnum):
    NONE = ""  # there is no such file
    OPEN = "open"
    COMPLETE = "complete"
    DELETED = "deleted"


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Where the bytes of a part are. An array in snapshots, where there may be thousands."""

    blob: UUID
    size: int
    sha256: str

    def same_content(self, other: "Part | None") -> bool:
        return other is not None and (self.size, self.sha256) == (other.size, other.sha256)


@registry.aggregate
class File(Aggregate):
    stream_type: ClassVar = "file"
    # A snapshot holds every part. At each part it would cost the square of their number.
    snapshot: ClassVar[Policy] = EveryEvents(250)

    status: Status = Status.NONE
    name: str = ""
    content_type: str = ""
    parts: dict[int, Part] = {}

    @property
    def size(self) -> int:
        """Bytes of all parts together."""
        return sum(part.size for part in self.parts.values())

    @property
    def blobs(self) -> list[UUID]:
        """The bytes of the file, in order."""
        return [self.parts[number].blob for number in sorted(self.parts)]

    def start(self, *, name: str, content_type: str, now: datetime) -> list[NewEvent]:
        """Begin. Raises AlreadyStarted and Invalid."""
        if self.status is not Status.NONE:
            raise AlreadyStarted("The file was started before.")
        check_name(name)
        if len(content_type) > MAX_NAME or not CONTENT_TYPE.fullmatch(content_type):
            raise Invalid("The content type is not of the form type/subtype.")
        return _new(FileStarted(name=name, content_type=content_type), now)

    def check_part(self, number: int) -> None:
        """Raise Invalid, NoSuchFile or FileIsComplete where part ``number`` cannot be put."""
        self._check_exists()
        if not 1 <= number <= MAX_PARTS:
            raise Invalid(f"Part numbers go from 1 to {MAX_PARTS}, so {number} is none.")
        if self.status is Status.COMPLETE:
            raise FileIsComplete("The file is complete and takes no more parts.")

    def store_part(self, *, number: int, part: Part, now: datetime) -> list[NewEvent]:
        """Take a part; the last content that is put under a number counts.

        Raises what :meth:`check_part` does. The same content again changes nothing.
        """
        self.check_part(number)
        earlier = self.parts.get(number)
        if part.same_content(earlier):
            return []
        event = FilePartStored(
            number=number,
            size=part.size,
            sha256=part.sha256,
            blob=part.blob,
            replaced_size=earlier.size if earlier else 0,
        )
        return _new(event, now)

    def complete(
        self, *, now: datetime, parts: int | None = None, size: int | None = None
    ) -> list[NewEvent]:
        """Make one file of the parts; once more changes nothing.

        ``parts`` (a count) and ``size`` (bytes) are what the client believes to have put. Raises
        NoSuchFile, PartsMissing and NotWhatWasExpected.
        """
        self._check_exists()
        self._check_no_hole()
        if parts is not None and parts != len(self.parts):
            raise NotWhatWasExpected(f"The file has {len(self.parts)} parts, not {parts}.")
        if size is not None and size != self.size:
            raise NotWhatWasExpected(f"The file has {self.size} bytes, not {size}.")
        if self.status is Status.COMPLETE:
            return []
        return _new(FileCompleted(size=self.size), now)

    def delete(self, *, now: datetime) -> list[NewEvent]:
        """Delete, complete or not; once more changes nothing. Raises NoSuchFile."""
        if self.status is Status.DELETED:
            return []
        self._check_exists()
        if self.status is Status.COMPLETE:
            return _new(FileDeleted(size=self.size), now)
        return _new(FileDeleted(size=0, unfinished_size=self.size), now)

    def check_readable(self) -> None:
        """Raise NoSuchFile or FileIsIncomplete where there is no content to read."""
        self._check_exists()
        if self.status is not Status.COMPLETE:
            raise FileIsIncomplete("The file is not complete yet.")

    def apply(self, event: Event) -> None:
        match event:
            case FileStarted(name=name, content_type=content_type):
                self.status, self.name, self.content_type = Status.OPEN, name, content_type
            case FilePartStored(number=number, blob=blob, size=size, sha256=sha256):
                self.parts[number] = Part(blob, size, sha256)
            case FileCompleted():
                self.status = Status.COMPLETE
            case FileDeleted():
                self.status, self.parts = Status.DELETED, {}
            case _:
                super().apply(event)

    def _check_exists(self) -> None:
        if self.status in (Status.NONE, Status.DELETED):
            raise NoSuchFile("There is no such file.")

    def _check_no_hole(self) -> None:
        if not self.parts:
            raise PartsMissing("The file has no parts yet.")
        missing = sorted(set(range(1, max(self.parts) + 1)) - set(self.parts))
        if missing:
            named = ", ".join(map(str, missing[:10]))
            more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
            raise PartsMissing(f"The file cannot be completed without its parts {named}{more}.")


def check_name(name: str) -> None:
    """Raise Invalid for a name that is empty, too long, or could break out of a header or line."""
    if not 1 <= len(name) <= MAX_NAME:
        raise Invalid(f"A file's name has 1 to {MAX_NAME} characters.")
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name):
        raise Invalid("A file's name has no control characters and no line breaks.")


def _new(event: Event, now: datetime) -> list[NewEvent]:
    return [NewEvent(event=event, occurred_at=now)]
