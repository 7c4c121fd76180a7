"""kombu's transport for Redis, so mended that a worker outlives its broker amid tasks.

Where the broker is lost while tasks are not acknowledged, kombu gives them back, and acknowledges
them once they are done, on a channel whose connection was dropped. There it knows no address, and
ends the whole worker with an AttributeError. As an error of the connection it is what Celery
expects: the worker goes on, and the broker hands the messages out again after the visibility
timeout, or has forgotten everything, and the sweep follows.
"""

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("The connection to the broker was dropped.")
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        return parameters


class Transport(redis.Transport):
    Channel = Channel
