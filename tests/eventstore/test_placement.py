"""Where PostgreSQL puts a tenant's events is known here too, and ids are drawn by it."""

import uuid

import pytest
from django.db import connection

from eventstore import store
from eventstore.placement import new_tenant_id, table_of
from eventstore.rows import partition_of
from eventstore.store import Append
from tests.eventstore.examples import counted, stream

pytestmark = pytest.mark.django_db

TABLE_OF = """
SELECT number FROM unnest(%s::uuid[]) WITH ORDINALITY AS given (id, nth),
    generate_series(0, %s - 1) AS number
WHERE satisfies_hash_partition('eventstore_storedevent'::regclass, %s, number, id)
ORDER BY nth
"""


@pytest.mark.parametrize("tables", [1, 6, 8, 256])
def test_a_tenants_table_is_the_one_that_the_database_takes(settings, tables):
    settings.EVENTSTORE_PARTITIONS = tables
    ids = [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), *(uuid.uuid4() for _ in range(200))]
    with connection.cursor() as cursor:
        cursor.execute(TABLE_OF, [ids, tables, tables])
        assert [table_of(one) for one in ids] == [number for (number,) in cursor]


def test_the_events_of_a_new_id_are_in_its_partitions_table():
    ids = [new_tenant_id() for _ in range(20)]
    for one in ids:
        store.append([Append(key=stream(tenant_id=one), events=[counted(1)])])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tenant_id, partition, tableoid::regclass::text FROM eventstore_storedevent"
        )
        found = cursor.fetchall()
    assert {one for one, *_ in found} == set(ids)
    for one, partition, table in found:
        assert table == f"eventstore_storedevent_{partition}"
        assert partition == partition_of(one)
