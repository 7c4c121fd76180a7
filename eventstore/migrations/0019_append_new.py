from django.db import migrations

# Most appends bring only what is new, and need to be told nothing else: so they are tried, with the
# unique keys as the check, and undone where anything is otherwise. Each stream is locked, checked
# and advanced at once, in the order given; all events are one INSERT, read from JSON once. Its plan
# is the same for every table, where a join of streams would be planned for as many as there were.
APPEND_NEW = """
CREATE FUNCTION eventstore_append_new(in_streams json, in_events json, in_metadata jsonb)
RETURNS TABLE (
    nth bigint, outcome text, head bigint, added bigint, repeats bigint[], detail text,
    at timestamptz
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    item record;
    tenants uuid[]; streams uuid[]; partitions smallint[]; sizes bigint[]; heads bigint[];
BEGIN
    FOR item IN
        SELECT * FROM json_to_recordset(in_streams) AS item (
            tenant uuid, stream uuid, type text, partition smallint, expected bigint, size bigint
        )
    LOOP
        UPDATE eventstore_stream SET version = version + item.size
            WHERE tenant_id = item.tenant AND stream_id = item.stream AND type = item.type
                AND (item.expected IS NULL OR item.expected = version
                    OR (item.expected = -1 AND version > 0))
            RETURNING version INTO head;
        IF NOT FOUND AND coalesce(item.expected, 0) = 0 THEN
            -- Whoever creates the stream at the same time is waited for here.
            INSERT INTO eventstore_stream (tenant_id, stream_id, type, version)
                VALUES (item.tenant, item.stream, item.type, item.size) ON CONFLICT DO NOTHING
                RETURNING version INTO head;
        END IF;
        IF NOT FOUND THEN
            RAISE no_data_found;
        END IF;
        tenants := tenants || item.tenant; streams := streams || item.stream;
        partitions := partitions || item.partition; sizes := sizes || item.size;
        heads := heads || head;
    END LOOP;

    INSERT INTO eventstore_storedevent (
        tenant_id, stream_id, partition, version, event_id,
        type, schema_version, data, occurred_at, metadata
    )
    SELECT tenants[into_nth], streams[into_nth], partitions[into_nth],
        heads[into_nth] - sizes[into_nth] + version, coalesce(id, gen_random_uuid()),
        type, schema, data, given.at, in_metadata
    FROM json_to_recordset(in_events) AS given (
        into_nth int, version bigint, id uuid, type text, schema smallint, data jsonb,
        at timestamptz
    );

    RETURN QUERY
    SELECT moved.nth, 'appended', moved.head, moved.size, NULL::bigint[], NULL::text,
        statement_timestamp()
    FROM unnest(heads, sizes) WITH ORDINALITY AS moved (head, size, nth);
EXCEPTION WHEN unique_violation OR no_data_found THEN
    RETURN;
END $$;
"""


class Migration(migrations.Migration):
    """Append events that are all new, to any number of streams, by one statement for all."""

    dependencies = [("eventstore", "0018_no_truncation")]

    operations = [migrations.RunSQL(APPEND_NEW, "DROP FUNCTION eventstore_append_new")]
