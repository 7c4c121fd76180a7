"""Streams, events and snapshots in as many tables as there are partitions, by hash of the tenant.

One that has rows keeps them: they are copied, and appends wait meanwhile.
"""

from django.conf import settings
from django.db import migrations

TABLES = ("eventstore_stream", "eventstore_storedevent", "eventstore_snapshot")  # as appends lock

COUNT = "SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass"

# What LIKE does not copy, as the statements that make it: keys, indexes and triggers, by name. The
# guard of the events is a trigger of rows, so its children have it too, whoever names them.
REST = """
SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s',
    conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = %(table)s::regclass AND contype IN ('p', 'u')
UNION ALL
SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
FROM pg_index WHERE indrelid = %(table)s::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
UNION ALL
SELECT pg_get_triggerdef(oid)
FROM pg_trigger WHERE tgrelid = %(table)s::regclass AND NOT tgisinternal
"""


def partition(apps, schema_editor):
    schema_editor.execute(f"LOCK TABLE {', '.join(TABLES)}")
    for table in TABLES:
        _rebuild(schema_editor, table, partitions=settings.EVENTSTORE_PARTITIONS)


def make_plain(apps, schema_editor):
    schema_editor.execute(f"LOCK TABLE {', '.join(TABLES)}")
    for table in TABLES:
        _rebuild(schema_editor, table, partitions=1)


def _rebuild(schema_editor, table, *, partitions):
    """Move the rows to a new table of the same name that has all that the old one had."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(COUNT, [table])
        if max(cursor.fetchone()[0], 1) == partitions:
            return
        cursor.execute(REST, {"table": table})
        rest = [statement for (statement,) in cursor]
    for statement in (
        f"ALTER TABLE {table} RENAME TO {table}_before",
        *_create(table, partitions),
        f"INSERT INTO {table} SELECT * FROM {table}_before",
        f"DROP TABLE {table}_before",  # and with it the names of keys and indexes
        *rest,
    ):
        schema_editor.execute(statement, params=None)


def _create(table, partitions):
    like = f"CREATE TABLE {table} (LIKE {table}_before INCLUDING ALL EXCLUDING INDEXES)"
    if partitions == 1:
        yield like
        return
    yield f"{like} PARTITION BY HASH (tenant_id)"
    for n in range(partitions):
        child = f"{table}_{n}"
        hashed = f"MODULUS {partitions}, REMAINDER {n}"
        yield f"CREATE TABLE {child} PARTITION OF {table} FOR VALUES WITH ({hashed})"


class Migration(migrations.Migration):

    dependencies = [("eventstore", "0014_tenant_keys")]

    operations = [migrations.RunPython(partition, make_plain)]
