from django.db import migrations, models

# What a digest is taken of: lines, in UTC, the same in whatever session. Only a type could hold a
# line break, and then the lines before and after it still say where it begins and ends.
CONTENT = """
CREATE FUNCTION eventstore_content(
    in_tenant uuid, in_stream uuid, in_version bigint, in_event uuid, in_type text,
    in_schema smallint, in_data jsonb, in_metadata jsonb,
    in_occurred timestamptz, in_recorded timestamptz
) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws(
        E'\\n', in_tenant, in_stream, in_version, in_event, in_schema,
        to_char(in_occurred AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        to_char(in_recorded AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        in_type, in_data::text, in_metadata::text
    )
$$;
"""

# As an aggregate over a stream in the order of versions: each link is made of the one before it.
# The link before the first of these events is given; where there is none, there is none after it.
LINK = """
CREATE FUNCTION eventstore_link(link bytea, given bytea, content text)
RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(coalesce(link, given) || convert_to(content, 'UTF8'));
END $$;
CREATE AGGREGATE eventstore_chain(given bytea, content text) (
    SFUNC = eventstore_link, STYPE = bytea
);
"""

# A stream whose earlier events are not linked yet is passed by: whoever links those, links these
# as well (chain.py). Writers hold the lock of their streams, so a chain has one end.
ON_INSERT = """
CREATE FUNCTION eventstore_link_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO eventstore_chainlink (tenant_id, stream_id, version, digest)
    SELECT * FROM (
        SELECT tenant_id, stream_id, version, eventstore_chain(
            CASE version WHEN 1 THEN '' ELSE (
                SELECT digest FROM eventstore_chainlink AS earlier
                WHERE earlier.tenant_id = added.tenant_id
                    AND earlier.stream_id = added.stream_id
                    AND earlier.version = added.version - 1
            ) END,
            eventstore_content(
                tenant_id, stream_id, version, event_id, type, schema_version, data, metadata,
                occurred_at, recorded_at
            )
        ) OVER (PARTITION BY tenant_id, stream_id ORDER BY version) AS digest
        FROM added
    ) AS linked
    WHERE digest IS NOT NULL;
    RETURN NULL;
END $$;
"""

GUARD = """
CREATE FUNCTION eventstore_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER links_never_change BEFORE UPDATE OR DELETE ON eventstore_chainlink
    FOR EACH STATEMENT EXECUTE FUNCTION eventstore_refuse('A link is as final as its event.');
"""

UNGUARD = """
DROP TRIGGER links_never_change ON eventstore_chainlink;
DROP FUNCTION eventstore_refuse();
"""


class Migration(migrations.Migration):
    """A chain of digests for each stream. Nothing fills it until somebody turns it on."""

    dependencies = [("eventstore", "0012_append")]

    operations = [
        migrations.CreateModel(
            name="ChainLink",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id",
                        "stream_id",
                        "version",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("stream_id", models.UUIDField()),
                ("version", models.BigIntegerField()),
                ("digest", models.BinaryField()),
            ],
        ),
        migrations.RunSQL(CONTENT, "DROP FUNCTION eventstore_content"),
        migrations.RunSQL(
            LINK,
            "DROP AGGREGATE eventstore_chain(bytea, text); DROP FUNCTION eventstore_link",
        ),
        migrations.RunSQL(
            ON_INSERT,
            "DROP TRIGGER IF EXISTS events_are_linked ON eventstore_storedevent;"
            "DROP FUNCTION eventstore_link_added",
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
