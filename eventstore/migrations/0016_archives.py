from importlib import import_module

import django.db.models.functions.datetime
from django.db import migrations, models

earlier = import_module("eventstore.migrations.0012_append")
guard = import_module("eventstore.migrations.0014_tenant_keys")

# What is left of data: the values at the paths that are kept, each at its place.
KEPT = """
CREATE FUNCTION eventstore_kept(data jsonb, keeps jsonb)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    left_over jsonb := '{}';
    path text[];
BEGIN
    FOR path IN
        SELECT ARRAY(SELECT jsonb_array_elements_text(one)) FROM jsonb_array_elements(keeps) AS one
        ORDER BY 1
    LOOP
        CONTINUE WHEN data #> path IS NULL;
        FOR depth IN 1 .. cardinality(path) - 1 LOOP
            IF left_over #> path[1:depth] IS NULL THEN
                left_over := jsonb_set(left_over, path[1:depth], '{}');
            END IF;
        END LOOP;
        left_over := jsonb_set(left_over, path, data #> path);
    END LOOP;
    RETURN left_over;
END $$;
"""

GUARD_ARCHIVES = """
CREATE TRIGGER archives_never_change BEFORE UPDATE OR DELETE ON eventstore_archive
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse('What was archived stays on record.');
"""
UNGUARD_ARCHIVES = "DROP TRIGGER archives_never_change ON eventstore_archive"

# The second way through the guard: a record says that the payloads of a type of events between
# two positions are archived, the event has become what is left by that record, and its mark.
ARCHIVED = """
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'data' = to_jsonb(OLD) - 'data'
        AND NOT OLD.data ? '$archived'
        AND EXISTS (
            SELECT FROM eventstore_archive AS archive
            WHERE archive.id::text = NEW.data #>> '{$archived,in}'
                AND archive.tenant_id = OLD.tenant_id AND archive.type = OLD.type
                AND OLD.position BETWEEN archive.first_position AND archive.last_position
                AND NEW.data = eventstore_kept(OLD.data, archive.keeps) || jsonb_build_object(
                    '$archived', jsonb_build_object(
                        'in', archive.id, 'digest', NEW.data #>> '{$archived,digest}'
                    )
                )
        )
    THEN
        RETURN NEW;
    END IF;
"""
FUNCTION = guard.GUARD_EVENTS[: guard.GUARD_EVENTS.index("DROP TRIGGER")]
REFUSAL = "    RAISE EXCEPTION"
assert FUNCTION.count(REFUSAL) == 1
GUARD_EVENTS = FUNCTION.replace(REFUSAL, ARCHIVED + REFUSAL).replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
GUARD_EVENTS_AS_BEFORE = FUNCTION.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")

# An event whose payload is gone cannot be compared here with one that is sent under its id: it is
# a repeat, and whoever archives compares digests.
COMPARED = "stored.data <> given.data"
assert earlier.APPEND.count(COMPARED) == 1
APPEND_AS_BEFORE = earlier.APPEND.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
APPEND = APPEND_AS_BEFORE.replace(
    COMPARED, f"{COMPARED} AND NOT stored.data ? '$archived'"
)


class Migration(migrations.Migration):
    """Payloads of events may go, once they are archived and a record says so."""

    dependencies = [("eventstore", "0015_partitioned")]

    operations = [
        migrations.CreateModel(
            name="Archive",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("type", models.CharField(max_length=100)),
                ("first_position", models.BigIntegerField()),
                ("last_position", models.BigIntegerField()),
                ("events", models.BigIntegerField()),
                ("keeps", models.JSONField()),
                ("digest", models.BinaryField()),
                ("left_digest", models.BinaryField()),
                ("place", models.TextField()),
                ("archived_by", models.CharField(max_length=150)),
                (
                    "archived_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=~models.Q(place="") & ~models.Q(archived_by=""),
                        name="who_archives_says_who_and_where",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARD_ARCHIVES, UNGUARD_ARCHIVES),
        migrations.RunSQL(KEPT, "DROP FUNCTION eventstore_kept"),
        migrations.RunSQL(GUARD_EVENTS, GUARD_EVENTS_AS_BEFORE),
        migrations.RunSQL(APPEND, APPEND_AS_BEFORE),
    ]
