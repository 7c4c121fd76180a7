"""The one error of the launcher."""


class EmbeddedError(Exception):
    """The embedded servers cannot run; the message is one sentence that a person can act on."""
