from django.db import migrations, models
from django.db.models import Func, Value
from django.db.models.functions import Now

# Each statement of the function sees what was committed when it began; so after the lock, all that
# other writers of the stream have done. Positions are taken by the default of their column, after
# the lock and the check, so they rise with the versions of a stream; and the lock gave the
# transaction its id, which the feed's fence needs.
#
# The planner knows neither how many events an append has nor how long this stream is; a join or an
# array of what to skip would compare each event that was sent with each that is stored. Only one
# index has the order that is asked for here, so each event is one look into it; and a subquery is
# hashed, where an array is not once a plan has to fit all values.
LOCK = """
CREATE FUNCTION eventstore_lock(
    in_tenant uuid, in_stream uuid, in_type text, in_create boolean,
    OUT kind text, OUT head bigint
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT type, version INTO kind, head FROM eventstore_stream
        WHERE tenant_id = in_tenant AND stream_id = in_stream FOR UPDATE;
    IF NOT FOUND AND in_create THEN
        -- Whoever creates a stream at the same time is waited for here.
        INSERT INTO eventstore_stream (tenant_id, stream_id, type, version)
            VALUES (in_tenant, in_stream, in_type, 0) ON CONFLICT DO NOTHING;
        SELECT type, version INTO kind, head FROM eventstore_stream
            WHERE tenant_id = in_tenant AND stream_id = in_stream FOR UPDATE;
    END IF;
END $$;
"""

APPEND = """
CREATE FUNCTION eventstore_append(
    in_tenant uuid, in_stream uuid, in_type text, in_partition smallint, in_expected bigint,
    in_events json, in_identified boolean, in_metadata jsonb,
    OUT outcome text, OUT head bigint, OUT added bigint, OUT repeats bigint[], OUT detail text,
    OUT at timestamptz
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    advanced boolean := false;
    skipped bigint[];
BEGIN
    added := 0;
    at := statement_timestamp();

    IF NOT in_identified THEN
        -- Lock, check and advance at once. Where that finds nothing, what follows finds out why.
        UPDATE eventstore_stream SET version = version + json_array_length(in_events)
            WHERE tenant_id = in_tenant AND stream_id = in_stream AND type = in_type
                AND (in_expected IS NULL OR in_expected = version
                    OR (in_expected = -1 AND version > 0))
            RETURNING version - json_array_length(in_events) INTO head;
        advanced := FOUND;
    END IF;

    IF NOT advanced THEN
        SELECT * INTO detail, head FROM eventstore_lock(
            in_tenant, in_stream, in_type, coalesce(in_expected, 0) = 0
        );
        IF detail IS NULL THEN
            outcome := 'conflict'; head := 0;
            RETURN;
        END IF;
        IF detail <> in_type THEN
            outcome := 'other type';
            RETURN;
        END IF;
        detail := NULL;

        IF in_identified AND head > 0 THEN
            SELECT array_agg(stored.version ORDER BY nth), array_agg(nth),
                min(stored.event_id::text) FILTER (WHERE
                    stored.type <> given.type
                    OR (stored.schema_version = given.schema AND stored.data <> given.data))
            INTO repeats, skipped, detail
            FROM ROWS FROM (json_to_recordset(in_events) AS (
                id uuid, type text, schema smallint, data jsonb, at timestamptz
            )) WITH ORDINALITY AS given (id, type, schema, data, at, nth),
            LATERAL (
                SELECT * FROM eventstore_storedevent
                WHERE tenant_id = in_tenant AND stream_id = in_stream
                    AND event_id BETWEEN given.id AND given.id
                ORDER BY event_id LIMIT 1
            ) AS stored;
        END IF;
        IF detail IS NOT NULL THEN
            outcome := 'other content';
            RETURN;
        END IF;
        IF in_expected <> head AND NOT (in_expected = -1 AND head > 0) THEN
            -- A writer that never heard of its success may send exactly the same again.
            outcome := CASE WHEN repeats = ARRAY(
                SELECT generate_series(in_expected + 1, in_expected + json_array_length(in_events))
            ) THEN 'appended' ELSE 'conflict' END;
            RETURN;
        END IF;
        IF skipped IS NOT NULL THEN
            in_events := (
                SELECT coalesce(json_agg(event ORDER BY nth), '[]')
                FROM json_array_elements(in_events) WITH ORDINALITY AS given (event, nth)
                WHERE nth NOT IN (SELECT unnest(skipped))
            );
        END IF;
    END IF;

    INSERT INTO eventstore_storedevent (
        tenant_id, stream_id, partition, version, event_id,
        type, schema_version, data, occurred_at, metadata
    )
    SELECT in_tenant, in_stream, in_partition, head + nth, coalesce(id, gen_random_uuid()),
        type, schema, data, given.at, in_metadata
    FROM ROWS FROM (json_to_recordset(in_events) AS (
        id uuid, type text, schema smallint, data jsonb, at timestamptz
    )) WITH ORDINALITY AS given (id, type, schema, data, at, nth);
    GET DIAGNOSTICS added = ROW_COUNT;

    head := head + added;
    IF NOT advanced AND added > 0 THEN
        UPDATE eventstore_stream SET version = head
            WHERE tenant_id = in_tenant AND stream_id = in_stream;
    END IF;
    outcome := 'appended';
END $$;
"""


class Migration(migrations.Migration):
    """Append to a stream in one call: lock, check, insert, advance."""

    dependencies = [("eventstore", "0011_live_projection")]

    operations = [
        migrations.AlterField(
            model_name="storedevent",
            name="position",
            field=models.BigIntegerField(
                db_default=Func(Value("eventstore_position"), function="nextval")
            ),
        ),
        migrations.AddField(
            model_name="snapshot",
            name="taken_at",
            field=models.DateTimeField(db_default=Now()),
        ),
        migrations.RunSQL(LOCK, "DROP FUNCTION eventstore_lock"),
        migrations.RunSQL(APPEND, "DROP FUNCTION eventstore_append"),
    ]
