"""The tables are partitioned by tenant, and nobody can tell but by looking at the tables."""

import subprocess
import sys
from importlib import import_module
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from eventstore import check, feed, repository, tables
from eventstore.models import Snapshot, StoredEvent, Stream
from tests.conftest import BASE_DIR
from tests.eventstore.examples import Counter, counted
from tests.eventstore.servers import copied, elsewhere, on

MODELS = [Stream, StoredEvent, Snapshot]
TENANTS = [UUID(int=number) for number in range(40)]  # enough for each partition to get some


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


def children(model):
    listed = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
    return [name for (name,) in sql(f"{listed} ORDER BY 1", model._meta.db_table)]


def count_up(tenant, times=1):
    return repository.execute(
        Counter,
        tenant_id=tenant,
        stream_id=tenant,
        decide=lambda counter: [counted()] * times,
    )


def fill():
    """Give each tenant a stream with a snapshot."""
    for tenant in TENANTS:
        count_up(tenant, times=6)


def rows():
    return {
        model: sql(f"SELECT * FROM {model._meta.db_table} ORDER BY 1, 2, 3") for model in MODELS
    }


def rules():
    """Return what Django's migrations see of the tables, by name, and what they do not."""
    with connection.cursor() as cursor:
        seen = {
            model: connection.introspection.get_constraints(cursor, model._meta.db_table)
            for model in MODELS
        }
    tables = [model._meta.db_table for model in MODELS]
    columns = sql(
        "SELECT table_name, column_name, column_default, is_nullable, data_type "
        "FROM information_schema.columns WHERE table_name = ANY(%s) "
        "ORDER BY table_name, ordinal_position",
        tables,
    )
    triggers = sql(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = ANY(%s::regclass[])"
        " AND tgname <> 'is_not_truncated'",  # of a later migration
        tables,
    )
    return seen, columns, triggers


@pytest.mark.django_db
class TestTheTables:
    @pytest.mark.parametrize("model", MODELS)
    def test_are_as_many_as_the_setting_says(self, model):
        assert len(children(model)) == settings.EVENTSTORE_PARTITIONS

    @pytest.mark.parametrize("model", MODELS)
    def test_share_the_tenants(self, model):
        fill()
        held = [sql(f"SELECT DISTINCT tenant_id FROM {child}") for child in children(model)]
        assert all(held)
        assert sorted(tenant for child in held for (tenant,) in child) == TENANTS

    @pytest.mark.parametrize("model", MODELS)
    def test_hold_a_tenant_whole(self, model):
        fill()
        places = sql(f"SELECT DISTINCT tenant_id, tableoid FROM {model._meta.db_table}")
        assert sorted(tenant for tenant, _ in places) == TENANTS


@pytest.mark.django_db
class TestUniqueKeys:
    """Each partition has them, and a tenant is in one partition: so they hold for the table."""

    @pytest.mark.parametrize("model", MODELS)
    def test_all_contain_the_tenant(self, model):
        with connection.cursor() as cursor:
            rules = connection.introspection.get_constraints(cursor, model._meta.db_table)
        keys = [rule["columns"] for rule in rules.values() if rule["unique"]]
        assert keys
        assert all("tenant_id" in columns for columns in keys)

    @pytest.mark.parametrize("tenant", TENANTS[:10])
    @pytest.mark.parametrize("taken", ["version", "event_id"])
    def test_of_events_are_kept_for_ever(self, tenant, taken):
        count_up(tenant)
        copy = StoredEvent.objects.get(tenant_id=tenant)
        free = {"version": 2, "event_id": UUID(int=1)}
        free.pop(taken)
        for name, value in (free | {"position": copy.position + 1}).items():
            setattr(copy, name, value)
        with pytest.raises(IntegrityError, match="duplicate key"), transaction.atomic():
            StoredEvent.objects.bulk_create([copy])

    @pytest.mark.parametrize("model", [Stream, Snapshot])
    def test_of_streams_and_snapshots_are_kept(self, model):
        fill()
        for copy in list(model.objects.all()):
            with pytest.raises(IntegrityError, match="duplicate key"), transaction.atomic():
                model.objects.bulk_create([copy])


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["UPDATE {} SET data = '{{}}'", "DELETE FROM {}", "TRUNCATE {}"])
def test_an_event_is_as_safe_from_who_names_its_partition(change):
    fill()
    for child in children(StoredEvent):
        with pytest.raises(DatabaseError, match="for ever"), transaction.atomic():
            sql(change.format(child))
    assert StoredEvent.objects.count() == 6 * len(TENANTS)


@pytest.fixture
def migrated(transactional_db, settings, monkeypatch):
    """Return a function that takes the store to before the migration, and to its newest.

    It has a database of its own, without the project's other apps: a library knows none of them,
    and to take them back and forth would be most of the work.
    """
    settings.INSTALLED_APPS = ["eventstore"]
    server, _, name = elsewhere()["DATABASE_URL"].rpartition("/")
    with (
        copied("template1", name=f"{name}_store"),
        on(f"{server}/{name}_store", monkeypatch),
    ):
        before = import_module("eventstore.migrations.0015_partitioned").Migration.dependencies

        def migrate(*, partitioned):
            newest = MigrationExecutor(connection).loader.graph.leaf_nodes("eventstore")
            MigrationExecutor(connection).migrate(newest if partitioned else before)
            tables.forget()  # as a process that starts after a migration

        migrate(partitioned=True)
        yield migrate


class TestTheMigration:
    def test_keeps_every_row_both_ways(self, migrated):
        fill()  # now, for appends need what later migrations make
        filled = rows()
        migrated(partitioned=False)
        assert rows() == filled
        assert children(StoredEvent) == []
        migrated(partitioned=True)
        assert rows() == filled
        assert len(children(StoredEvent)) == settings.EVENTSTORE_PARTITIONS
        assert [len(found) for found in filled.values()] == [40, 240, 40]

    def test_keeps_names_columns_defaults_and_rules_both_ways(self, migrated):
        migrated(partitioned=False)
        sql("CREATE INDEX of_another_app ON eventstore_storedevent (tenant_id, occurred_at)")
        plain = rules()
        migrated(partitioned=True)
        assert rules() == plain
        migrated(partitioned=False)
        assert rules() == plain

    @pytest.mark.django_db
    def test_leaves_rules_that_later_migrations_can_drop_and_make(self):
        before = rules()
        with connection.schema_editor() as editor:
            for model in MODELS:
                for constraint in model._meta.constraints:
                    editor.remove_constraint(model, constraint)
                    editor.add_constraint(model, constraint)
                for index in model._meta.indexes:
                    editor.remove_index(model, index)
                    editor.add_index(model, index)
        assert rules() == before

    def test_is_nothing_to_a_writer_and_a_consumer(self, migrated):
        seen = []

        def consume():
            for partition in feed.partitions():
                feed.consume(consumer="tests", partition=partition, handle=seen.extend)

        fill()
        consume()
        migrated(partitioned=False)
        migrated(partitioned=True)
        for tenant in TENANTS:
            assert count_up(tenant).state.total == 7
        consume()
        assert len({event.position for event in seen}) == len(seen) == 7 * len(TENANTS)
        assert list(check.findings()) == []


@pytest.mark.django_db(transaction=True)
def test_the_check_says_when_there_are_more_or_fewer_than_the_setting_says(settings):
    actual, settings.EVENTSTORE_PARTITIONS = settings.EVENTSTORE_PARTITIONS, 4
    assert list(check.findings()) == [
        f"{model._meta.db_table} has {actual} table partitions, but EVENTSTORE_PARTITIONS is 4."
        for model in MODELS
    ]


@pytest.fixture
def plain(transactional_db, monkeypatch):
    """The environment of a run of tests that finds its database there already, with plain tables.

    They are made as the migration makes them, of a copy of our own: quicker than all migrations.
    """
    ours, given = connection.settings_dict["NAME"], elsewhere()
    given["DATABASE_URL"] += "_plain"
    server, _, name = given["DATABASE_URL"].rpartition("/")
    with copied(ours, name=f"test_{name}"):
        with on(f"{server}/test_{name}", monkeypatch), connection.schema_editor() as editor:
            import_module("eventstore.migrations.0015_partitioned").make_plain(None, editor)
            assert [children(model) for model in MODELS] == [[], [], []]
        yield given | {"EVENTSTORE_PARTITIONS": "1"}


def test_plain_tables_give_the_same_guarantees(plain):
    """The other tests run with the setting's default; these once more with a single partition.

    Both sides send the same statements, so of the conformance one of them is enough here.
    """
    conformance = ["expected_version", "repeated_append", "snapshot", "concurrent_appends"]
    others = ["races", "feed", "store", "model"]
    files = [f"conformance/test_{name}.py" for name in conformance]
    files += [f"test_{name}.py" for name in others]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--reuse-db"),
            *("-k", "not async"),
            *(f"tests/eventstore/{file}" for file in files),
        ],
        cwd=BASE_DIR,
        env=plain,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
