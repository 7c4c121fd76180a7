from eventstore.events import Event, event_type


@event_type("file.completed")
class FileCompleted(Event, frozen=True, kw_only=True):
    size: int


@event_type("file.deleted")
class FileDeleted(Event, frozen=True, kw_only=True):
    size: int
