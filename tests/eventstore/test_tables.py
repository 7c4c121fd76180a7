"""An append names the table that has the tenant's streams, once the database has said which."""

from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore import chain, store, tables
from eventstore.events import StreamKey
from eventstore.models import Stream
from eventstore.store import Append
from tests.eventstore.examples import counted

pytestmark = pytest.mark.django_db


def key_of_a_new_tenant():
    return StreamKey(uuid4(), uuid4(), "counter")


def append(key):
    """Append one event and return the statements that it took."""
    with CaptureQueriesContext(connection) as log:
        store.append([Append(key=key, events=[counted()])])
    return [query["sql"] for query in log]


def table_of(key):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM eventstore_stream WHERE tenant_id = %s",
            [key.tenant_id],
        )
        return cursor.fetchone()[0]


def test_an_append_asks_once_which_table_it_is_and_names_it_from_then_on():
    key = key_of_a_new_tenant()
    append(key)  # makes the stream
    assert tables.of_streams(key.tenant_id) is None
    [asking] = append(key)
    [naming] = append(key)
    assert "UPDATE eventstore_stream SET" in asking
    assert f"UPDATE {table_of(key)} SET" in naming
    assert Stream.objects.get(stream_id=key.stream_id).version == 3


def test_events_are_written_to_the_whole_table_so_that_its_triggers_of_statements_fire():
    chain.turn_on()
    key = key_of_a_new_tenant()
    for _ in range(4):
        append(key)
    assert tables.of_streams(key.tenant_id)
    assert chain.status().linked == 4


def test_a_process_that_knows_a_table_from_before_a_migration_appends_all_the_same():
    key = key_of_a_new_tenant()
    append(key)
    others = {f"eventstore_stream_{n}" for n in range(8)} - {table_of(key)}
    tables.learn(key.tenant_id, others.pop())
    append(key)
    assert Stream.objects.get(stream_id=key.stream_id).version == 2


def test_no_more_tenants_are_remembered_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(tables, "KNOWN_AT_MOST", 3)
    tables.forget()
    for number in range(10):
        tables.learn(UUID(int=number), "eventstore_stream_1")
        assert len(tables._of_streams) <= 3
    assert tables.of_streams(UUID(int=9)) == "eventstore_stream_1"
