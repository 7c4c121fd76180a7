import django.contrib.postgres.functions
import django.db.models.functions.datetime
from django.db import migrations, models

# Once shredded, for ever; until then the key is what it is. Its row is the record of who and why.
GUARD_KEYS = """
CREATE FUNCTION eventstore_guard_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.key IS NOT NULL AND NEW.key IS NULL
        AND NEW.tenant_id = OLD.tenant_id AND NEW.created_at = OLD.created_at
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A key is only ever shredded, and then it does not come back.'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER keys_are_only_shredded BEFORE UPDATE OR DELETE ON eventstore_tenantkey
    FOR EACH ROW EXECUTE FUNCTION eventstore_guard_key();
CREATE TRIGGER withdrawals_never_change BEFORE UPDATE OR DELETE ON eventstore_withdrawal
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse('What was withdrawn stays on record.');
"""

UNGUARD_KEYS = """
DROP TRIGGER withdrawals_never_change ON eventstore_withdrawal;
DROP TRIGGER keys_are_only_shredded ON eventstore_tenantkey;
DROP FUNCTION eventstore_guard_key();
"""

# What an event becomes whose plain values are withdrawn. Only strings are: quantities stay.
WITHDRAWN = """
CREATE FUNCTION eventstore_withdrawn(data jsonb, fields jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT data || coalesce(jsonb_object_agg(name, '{"$sealed": ""}'::jsonb), '{}')
    FROM jsonb_array_elements_text(fields) AS wanted (name)
    WHERE jsonb_typeof(data -> name) = 'string'
$$;
"""

# The guard of the events, with the one way through it: the key of the tenant was shredded, all that
# changes is that strings are gone, and a record says that this event becomes just this.
GUARD_EVENTS = """
CREATE FUNCTION eventstore_guard_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'data' = to_jsonb(OLD) - 'data'
        AND NEW.data = eventstore_withdrawn(OLD.data, (
            SELECT coalesce(jsonb_agg(key), '[]') FROM jsonb_each(NEW.data)
            WHERE value = '{"$sealed": ""}'
        ))
        AND EXISTS (
            SELECT FROM eventstore_tenantkey WHERE tenant_id = OLD.tenant_id AND key IS NULL
        )
        AND EXISTS (
            SELECT FROM eventstore_withdrawal
            WHERE tenant_id = OLD.tenant_id AND stream_id = OLD.stream_id
                AND version = OLD.version AND digest = sha256(convert_to(eventstore_content(
                    NEW.tenant_id, NEW.stream_id, NEW.version, NEW.event_id, NEW.type,
                    NEW.schema_version, NEW.data, NEW.metadata, NEW.occurred_at, NEW.recorded_at
                ), 'UTF8'))
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'An event is for ever: append another one that corrects it.'
        USING ERRCODE = 'restrict_violation';
END $$;
DROP TRIGGER events_never_change ON eventstore_storedevent;
CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE ON eventstore_storedevent
    FOR EACH ROW EXECUTE FUNCTION eventstore_guard_event();
"""

GUARD_EVENTS_AS_BEFORE = """
DROP TRIGGER events_never_change ON eventstore_storedevent;
CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE ON eventstore_storedevent
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse_change();
DROP FUNCTION eventstore_guard_event();
"""


class Migration(migrations.Migration):
    """Keys of tenants, which can be shredded, and the one way to take values out of events."""

    dependencies = [("eventstore", "0013_chain")]

    operations = [
        migrations.CreateModel(
            name="TenantKey",
            fields=[
                ("tenant_id", models.UUIDField(primary_key=True, serialize=False)),
                ("key", models.BinaryField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
                ("shredded_at", models.DateTimeField(null=True)),
                (
                    "shredded_by",
                    models.CharField(blank=True, db_default="", default="", max_length=150),
                ),
                ("reason", models.TextField(blank=True, db_default="", default="")),
                ("events", models.BigIntegerField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("events__isnull", True),
                                ("key__isnull", False),
                                ("reason", ""),
                                ("shredded_at__isnull", True),
                                ("shredded_by", ""),
                            ),
                            models.Q(
                                models.Q(("shredded_by", ""), _negated=True),
                                models.Q(("reason", ""), _negated=True),
                                ("events__isnull", False),
                                ("key__isnull", True),
                                ("shredded_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="a_shredded_key_is_whole",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("stream_id", models.UUIDField()),
                ("version", models.BigIntegerField()),
                ("digest", models.BinaryField()),
                (
                    "withdrawn_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("withdrawn_by", models.CharField(max_length=150)),
                ("reason", models.TextField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "stream_id", "version", "digest"),
                        name="an_event_becomes_the_same_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), _negated=True),
                            models.Q(("withdrawn_by", ""), _negated=True),
                        ),
                        name="who_withdraws_says_who_and_why",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARD_KEYS, UNGUARD_KEYS),
        migrations.RunSQL(WITHDRAWN, "DROP FUNCTION eventstore_withdrawn"),
        migrations.RunSQL(GUARD_EVENTS, GUARD_EVENTS_AS_BEFORE),
    ]
