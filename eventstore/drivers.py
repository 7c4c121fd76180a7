"""Carry out the flows of the store: on Django's connection, or on psycopg's async ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

from eventstore import sql
from eventstore.cursors import kept_cursor
from eventstore.models import Stream
from eventstore.steps import ERRORS, Flow, Lock, Query, Row

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

T = TypeVar("T")

AsyncConnection = psycopg.AsyncConnection[tuple[Any, ...]]
AsyncServerCursor = psycopg.AsyncServerCursor[tuple[Any, ...]]

_numbers = count()


def run(flow: Flow[T], db: BaseDatabaseWrapper | None = None) -> T:
    """Carry out a flow on Django's connection, in its transaction if there is one.

    Who has looked that connection up already gives it: a look takes microseconds.
    """
    db = db or connections[DEFAULT_DB_ALIAS]
    try:
        step = next(flow)
        while True:
            try:
                rows = _take(step, db)
            except ERRORS as error:
                step = flow.throw(error)
            else:
                step = flow.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result


async def arun(flow: Flow[T], db: AsyncConnection) -> T:
    """Carry out a flow on an async connection, in its transaction if there is one."""
    async with db.cursor(binary=True) as cursor:
        try:
            step = next(flow)
            while True:
                try:
                    rows = await _atake(step, cursor)
                except ERRORS as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(rows)
        except StopIteration as end:
            result: T = end.value
            return result


def _take(step: Query | Lock, db: BaseDatabaseWrapper) -> list[Row]:
    if isinstance(step, Lock):
        key = step.key
        streams = Stream.objects.select_for_update().filter(pk=(key.tenant_id, key.stream_id))
        return list(streams.values_list("type", "version"))
    with db.wrap_database_errors:  # here, before a flow makes another error of one
        cursor = kept_cursor(db, step.sql)
        cursor.execute(step.sql, step.values)
        rows: list[Row] = cursor.fetchall()
    return rows


async def _atake(step: Query | Lock, cursor: "psycopg.AsyncCursor[tuple[Any, ...]]") -> list[Row]:
    if isinstance(step, Lock):
        step = Query(sql.LOCK, {"tenant": step.key.tenant_id, "stream": step.key.stream_id})
    await cursor.execute(step.sql, step.values)
    return await cursor.fetchall()


_Pool: TypeAlias = "AsyncConnectionPool[AsyncConnection]"
_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()


@asynccontextmanager
async def aconnection(given: AsyncConnection | None = None) -> AsyncIterator[AsyncConnection]:
    """The connection that is given, or one of the pool of this event loop."""
    if given is not None:
        yield given
        return
    async with (await _pool()).connection() as db:
        yield db


def autocommits(db: AsyncConnection) -> bool:
    """Say if each statement is a transaction of its own, as none is open, nor will be begun."""
    return db.autocommit and db.info.transaction_status == TransactionStatus.IDLE


@asynccontextmanager
async def aserver_cursor(db: AsyncConnection) -> AsyncIterator[AsyncServerCursor]:
    """Open a cursor of the server, as :func:`eventstore.cursors.server_cursor` does."""
    hold = db.info.transaction_status == TransactionStatus.IDLE
    name = f"eventstore_{next(_numbers)}"
    cursor = db.cursor(name=name, binary=True, scrollable=False, withhold=hold)
    try:
        async with cursor:
            yield cursor
    finally:
        await cursor.close()  # again, as there


async def aclose() -> None:
    """Close the pool of this event loop: before the loop ends, or the server is to be left."""
    if pool := _pools.pop(asyncio.get_running_loop(), None):
        await pool.close()


async def _pool() -> _Pool:
    from psycopg_pool import AsyncConnectionPool  # 1.4 MB that only async callers need

    loop = asyncio.get_running_loop()
    if loop not in _pools:
        _pools[loop] = AsyncConnectionPool(
            connection_class=AsyncConnection,
            kwargs=_parameters(),
            configure=_in_utc,
            min_size=0,
            max_size=settings.EVENTSTORE_ASYNC_CONNECTIONS,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        await _pools[loop].open()
    return _pools[loop]


async def _in_utc(db: AsyncConnection) -> None:
    """Let times come as UTC. Said here and not as an option, which poolers do not let through."""
    await db.execute("SET TIME ZONE 'UTC'")


def _parameters() -> dict[str, Any]:
    """Return Django's own parameters of the connection, without what only its wrapper uses."""
    ours = connection.get_connection_params()
    dropped = ("cursor_factory", "context")
    kept = {name: value for name, value in ours.items() if name not in dropped}
    return kept | {"autocommit": True}
