"""Where the events of a batch go: a source of an organisation has one stream. Pure."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from billing.metering.events import STREAM_TYPE
from billing.metering.names import uuid_of
from eventstore.events import StreamKey


@dataclass(frozen=True, slots=True)
class Source:
    """Who sent events: their stream, and of each id the index in the batch where it came first."""

    stream: StreamKey
    first: dict[str, int] = field(default_factory=dict)


class Sources(dict[tuple[str | None, str], Source | None]):
    """Sources by the subject and the source that events name; None where nothing is taken.

    Events name few and are many, and ids of organisations are slow to look anything up by. An
    organisation's slug and its external key lead to the same source.
    """

    def __init__(
        self, organisations: Mapping[str | None, UUID], *, stopped: Container[UUID | None]
    ) -> None:
        super().__init__()
        self._organisations, self._stopped = organisations, stopped
        self._known: dict[tuple[UUID, str], Source] = {}

    def __missing__(self, named: tuple[str | None, str]) -> Source | None:
        subject, source = named
        owner = self._organisations.get(subject)
        found = None
        if owner is not None and owner not in self._stopped:
            stream = StreamKey(owner, uuid_of(source), STREAM_TYPE)
            found = self._known.setdefault((owner, source), Source(stream))
        self[named] = found
        return found
