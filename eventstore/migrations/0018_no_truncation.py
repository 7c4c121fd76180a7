from django.db import migrations

# Triggers of rows do not see a TRUNCATE, and those of statements only where a statement names their
# table: so each partition of the events gets one of its own.
TABLES = """
    SELECT 'eventstore_storedevent'::regclass AS name
    UNION ALL SELECT inhrelid::regclass FROM pg_inherits
        WHERE inhparent = 'eventstore_storedevent'::regclass
    UNION ALL SELECT unnest(ARRAY[
        'eventstore_chainlink', 'eventstore_withdrawal', 'eventstore_archive',
        'eventstore_tenantkey'
    ])::regclass
"""

FOR_EACH = """
DO $do$ DECLARE name regclass; BEGIN
    FOR name IN {tables} LOOP
        EXECUTE format('{statement}', name);
    END LOOP;
END $do$
"""

REFUSE = """
CREATE TRIGGER is_not_truncated BEFORE TRUNCATE ON %s FOR EACH STATEMENT
EXECUTE FUNCTION eventstore_refuse(''Events and the records of them are for ever.'')
"""


class Migration(migrations.Migration):
    """Refuse to truncate what is never deleted: events, and the records of what became of them."""

    dependencies = [("eventstore", "0017_throughput")]

    operations = [
        migrations.RunSQL(
            FOR_EACH.format(tables=TABLES, statement=REFUSE),
            FOR_EACH.format(tables=TABLES, statement="DROP TRIGGER is_not_truncated ON %s"),
        ),
    ]
