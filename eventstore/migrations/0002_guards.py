from django.db import migrations

SEQUENCE = "CREATE SEQUENCE eventstore_position CACHE 1"

REFUSE = """
CREATE FUNCTION eventstore_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'An event is for ever: append another one that corrects it.'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE ON eventstore_storedevent
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse_change();
"""

ALLOW = """
DROP TRIGGER events_never_change ON eventstore_storedevent;
DROP FUNCTION eventstore_refuse_change();
"""


class Migration(migrations.Migration):
    """The sequence of positions, and the trigger that keeps events as they are."""

    dependencies = [("eventstore", "0001_initial")]

    operations = [
        migrations.RunSQL(SEQUENCE, "DROP SEQUENCE eventstore_position"),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
