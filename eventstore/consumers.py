"""Which consumers there are, for whoever runs one by its name."""

from dataclasses import dataclass

from eventstore.consuming import LIMIT, Handler


class DuplicateConsumer(Exception):
    """Two consumers claim one name: give one of them another."""


class NoSuchConsumer(Exception):
    """No app has registered a consumer of this name."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """A name, what its events are handed to, and how many of them at most at a time."""

    name: str
    handle: Handler
    limit: int = LIMIT


_registered: dict[str, Consumer] = {}


def register(consumer: Consumer) -> Consumer:
    """Let the command ``eventstore_follow`` know a consumer; call it where the app is loaded.

    Raises DuplicateConsumer.
    """
    if consumer.name in _registered:
        raise DuplicateConsumer(f"{consumer.name!r} is registered already.")
    _registered[consumer.name] = consumer
    return consumer


def registered(name: str) -> Consumer:
    """Return a consumer. Raises NoSuchConsumer."""
    if not _registered:
        raise NoSuchConsumer(
            "No consumer is registered: let an app hand its own to eventstore.consumers.register, "
            "in the ready() of its AppConfig."
        )
    if name not in _registered:
        known = ", ".join(repr(one) for one in sorted(_registered))
        raise NoSuchConsumer(f"No consumer {name!r} is registered; there are: {known}.")
    return _registered[name]
