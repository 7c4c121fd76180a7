"""The two sides of the store behind one small interface that blocks, and what tests do to them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import pytest
from django.db import close_old_connections, connection, transaction

from eventstore import drivers, repository, store
from eventstore.events import RecordedEvent, StreamKey
from eventstore.rehydrating import Decide
from eventstore.saving import Loaded
from eventstore.store import Append, Appended, NewEvent
from tests.eventstore.examples import Counter, counted

T = TypeVar("T")

COMMITTING = pytest.mark.django_db(transaction=True)
"""Other sessions see what a test commits."""


class Sync:
    """The side that blocks, on Django's connection of this thread."""

    def append(self, *appends: Append, **options: Any) -> Appended:
        return store.append(appends, **options)

    def lock(self, *keys: StreamKey) -> dict[StreamKey, int]:
        return store.lock(keys)

    def read(self, key: StreamKey, **window: Any) -> Iterator[RecordedEvent]:
        return store.read_stream(key, **window)

    def load(self, key: StreamKey, cls: Any = Counter, **options: Any) -> Loaded[Any]:
        return repository.load(cls, **names(key), **options)

    def execute(self, key: StreamKey, decide: Decide[Any], cls: Any = Counter) -> Loaded[Any]:
        return repository.execute(cls, **names(key), decide=decide)

    def execute_many(
        self, decisions: Mapping[StreamKey, Decide[Counter]]
    ) -> dict[StreamKey, Loaded[Counter]]:
        return repository.execute_many(Counter, decisions)

    def execute_optimistically(
        self, key: StreamKey, decide: Decide[Any], **options: Any
    ) -> Loaded[Any]:
        return repository.execute_optimistically(Counter, **names(key), decide=decide, **options)

    @contextmanager
    def transaction(self, *, roll_back: bool = False) -> Iterator[None]:
        """Let what is done in the block be the caller's transaction."""
        with transaction.atomic():
            yield
            transaction.set_rollback(roll_back)

    @contextmanager
    def session(self, setting: str) -> Iterator[None]:
        """Let what is done in the block be done by a session with a setting."""
        with connection.cursor() as cursor:
            cursor.execute(f"SET {setting}")
        try:
            yield
        finally:
            connection.close()

    def at_once(self, *jobs: Callable[["Sync"], Any]) -> list[Any]:
        """Do jobs in threads that start together; return their results, or what they raised."""
        barrier = threading.Barrier(len(jobs))

        def run(job: Callable[["Sync"], Any]) -> Any:
            barrier.wait()
            try:
                return job(self)
            except Exception as error:  # noqa: BLE001 the test looks at it
                return error
            finally:
                connection.close()

        with ThreadPoolExecutor(len(jobs)) as pool:
            return list(pool.map(run, jobs))

    def end_reads(self) -> None:
        """The generator has ended its own."""

    def reconnect(self) -> None:
        """Do as Django does between two requests."""
        close_old_connections()

    def close(self) -> None:
        """Nothing is held."""


class Async:
    """The side that awaits, on an event loop of the test's own."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._connection: drivers.AsyncConnection | None = None
        self._reads: list[Any] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def append(self, *appends: Append, **options: Any) -> Appended:
        return self.run(store.aappend(appends, **options, connection=self._connection))

    def lock(self, *keys: StreamKey) -> dict[StreamKey, int]:
        async def lock() -> dict[StreamKey, int]:
            async with drivers.aconnection(self._connection) as db:
                return await store.alock(keys, connection=db)

        return self.run(lock())

    def read(self, key: StreamKey, **window: Any) -> Iterator[RecordedEvent]:
        events = store.aread_stream(key, connection=self._connection, **window)
        self._reads.append(events)
        end = object()

        async def following() -> Any:
            return await anext(events, end)

        while (event := self.run(following())) is not end:
            yield event

    def load(self, key: StreamKey, cls: Any = Counter, **options: Any) -> Loaded[Any]:
        loading = repository.aload(cls, **names(key), **options, connection=self._connection)
        return self.run(loading)

    def execute(self, key: StreamKey, decide: Decide[Any], cls: Any = Counter) -> Loaded[Any]:
        return self.run(
            repository.aexecute(cls, **names(key), decide=decide, connection=self._connection)
        )

    def execute_many(
        self, decisions: Mapping[StreamKey, Decide[Counter]]
    ) -> dict[StreamKey, Loaded[Counter]]:
        return self.run(repository.aexecute_many(Counter, decisions, connection=self._connection))

    def execute_optimistically(
        self, key: StreamKey, decide: Decide[Any], **options: Any
    ) -> Loaded[Any]:
        return self.run(
            repository.aexecute_optimistically(
                Counter, **names(key), decide=decide, connection=self._connection, **options
            )
        )

    @contextmanager
    def transaction(self, *, roll_back: bool = False) -> Iterator[None]:
        @asynccontextmanager
        async def begun() -> AsyncIterator[drivers.AsyncConnection]:
            async with drivers.aconnection() as db, db.transaction(force_rollback=roll_back):
                yield db

        with self._on(begun()):
            yield

    @contextmanager
    def session(self, setting: str) -> Iterator[None]:
        @asynccontextmanager
        async def set_up() -> AsyncIterator[drivers.AsyncConnection]:
            async with drivers.aconnection() as db:
                await db.execute(f"SET {setting}".encode())
                try:
                    yield db
                finally:
                    await db.close()

        with self._on(set_up()):
            yield

    def at_once(self, *jobs: Callable[["AtOnce"], Any]) -> list[Any]:
        """Do jobs as tasks that start together; return their results, or what they raised."""

        async def run() -> list[Any]:
            return await asyncio.gather(*(job(AtOnce()) for job in jobs), return_exceptions=True)

        return self.run(run())

    def reconnect(self) -> None:
        """The pool does it."""

    def close(self) -> None:
        self.end_reads()
        self.run(drivers.aclose())
        self._runner.close()

    def end_reads(self) -> None:
        """End reads that were begun and not finished: each has a connection."""

        async def end() -> None:
            for events in self._reads:
                await events.aclose()

        self.run(end())

    @contextmanager
    def _on(self, context: Any) -> Iterator[None]:
        """Enter an async context that yields the connection to work on."""

        async def enter() -> drivers.AsyncConnection:
            db: drivers.AsyncConnection = await context.__aenter__()
            return db

        async def leave(*error: Any) -> bool | None:
            left: bool | None = await context.__aexit__(*error)
            return left

        self._connection = self.run(enter())
        try:
            yield
        except BaseException as error:
            self._connection = None
            if not self.run(leave(type(error), error, error.__traceback__)):
                raise
        else:
            self._connection = None
            self.run(leave(None, None, None))


class AtOnce:
    """What a job of :meth:`Async.at_once` is handed: the same names, to be awaited."""

    def append(self, *appends: Append, **options: Any) -> Coroutine[Any, Any, Appended]:
        return store.aappend(appends, **options)

    def load(self, key: StreamKey) -> Coroutine[Any, Any, Loaded[Any]]:
        return repository.aload(Counter, **names(key))

    def execute(self, key: StreamKey, decide: Decide[Any]) -> Coroutine[Any, Any, Loaded[Any]]:
        return repository.aexecute(Counter, **names(key), decide=decide)

    def execute_many(
        self, decisions: Mapping[StreamKey, Decide[Counter]]
    ) -> Coroutine[Any, Any, dict[StreamKey, Loaded[Counter]]]:
        return repository.aexecute_many(Counter, decisions)

    def execute_optimistically(
        self, key: StreamKey, decide: Decide[Any], **options: Any
    ) -> Coroutine[Any, Any, Loaded[Any]]:
        return repository.aexecute_optimistically(Counter, **names(key), decide=decide, **options)


Side = Sync | Async


def names(key: StreamKey) -> dict[str, Any]:
    return {"tenant_id": key.tenant_id, "stream_id": key.stream_id}


def of(key: StreamKey, *events: NewEvent, expected: int | None = store.ANY) -> Append:
    return Append(key=key, events=events, expected=expected)


def ones(count: int) -> list[NewEvent]:
    return [counted() for _ in range(count)]


def versions(side: Side, key: StreamKey, **window: Any) -> list[int]:
    return [recorded.version for recorded in side.read(key, **window)]
