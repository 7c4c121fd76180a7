from django.db import migrations

# What a unique count tells apart: a text or a number, whatever way it is written; NULL where there
# is none. What is too long for a row stands as its digest, and nothing that is sent looks like one.
VALUE = r"""
CREATE FUNCTION billing_value(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    found text;
BEGIN
    CASE jsonb_typeof(value)
        WHEN 'number' THEN found := trim_scale(value::numeric)::text;
        WHEN 'string' THEN found := value #>> '{}';
        ELSE RETURN NULL;
    END CASE;
    IF length(found) > 100 OR found LIKE 'sha256:%' THEN
        RETURN 'sha256:' || encode(sha256(convert_to(found, 'UTF8')), 'hex');
    END IF;
    RETURN nullif(found, '');
END $$
"""
COUNTING = """
CREATE OR REPLACE VIEW billing_counting AS
SELECT service.slug, service.id AS service_id, service.aggregation = 'level' AS is_level,
    service.aggregation = 'count' AS is_count, event_type,
    string_to_array(definition.quantity_path, '.') AS keys,
    definition.allows_negative OR service.aggregation IN ('level', 'peak') AS may_be_negative,
    definition.starts_at, definition.ends_at, (
        SELECT jsonb_object_agg(name, to_jsonb(string_to_array(path, '.')))
        FROM billing_dimension AS dimension WHERE dimension.definition_id = definition.id
    ) AS dimensions,
    service.aggregation, definition.id AS definition_id
FROM (
    SELECT *, coalesce(
        lead(starts_at) OVER (PARTITION BY service_id ORDER BY starts_at), 'infinity'
    ) AS ends_at
    FROM billing_definition
) AS definition
JOIN billing_service AS service ON service.id = definition.service_id
CROSS JOIN LATERAL (SELECT DISTINCT unnest(definition.event_types) AS event_type) AS counted
"""
BEFORE = """
DROP VIEW billing_counting;
CREATE VIEW billing_counting AS
SELECT service.slug, service.id AS service_id, service.aggregation = 'level' AS is_level,
    service.aggregation = 'count' AS is_count, event_type,
    string_to_array(definition.quantity_path, '.') AS keys,
    definition.allows_negative OR service.aggregation = 'level' AS may_be_negative,
    definition.starts_at, definition.ends_at, (
        SELECT jsonb_object_agg(name, to_jsonb(string_to_array(path, '.')))
        FROM billing_dimension AS dimension WHERE dimension.definition_id = definition.id
    ) AS dimensions
FROM (
    SELECT *, coalesce(
        lead(starts_at) OVER (PARTITION BY service_id ORDER BY starts_at), 'infinity'
    ) AS ends_at
    FROM billing_definition
) AS definition
JOIN billing_service AS service ON service.id = definition.service_id
CROSS JOIN LATERAL (SELECT DISTINCT unnest(definition.event_types) AS event_type) AS counted
"""
# A value that was told apart of a service goes on to be told apart by each of its definitions.
FILL = """
INSERT INTO billing_dimensionvalue (organisation_id, service_id, definition_id, name, value)
SELECT known.organisation_id, known.service_id, definition.id, known.name, known.value
FROM billing_dimensionvalue AS known
JOIN billing_definition AS definition ON definition.service_id = known.service_id
JOIN billing_dimension AS dimension
    ON dimension.definition_id = definition.id AND dimension.name = known.name;
DELETE FROM billing_dimensionvalue WHERE definition_id IS NULL
"""
EMPTY = """
INSERT INTO billing_dimensionvalue (organisation_id, service_id, name, value)
SELECT DISTINCT organisation_id, service_id, name, value FROM billing_dimensionvalue;
DELETE FROM billing_dimensionvalue WHERE definition_id IS NOT NULL
"""


class Migration(migrations.Migration):
    """How SQL reads values that are told apart; and dimensions are bounded by definition."""

    dependencies = [('billing', '0020_figures_that_are_no_sums')]

    operations = [
        migrations.RunSQL(VALUE, "DROP FUNCTION billing_value"),
        migrations.RunSQL(COUNTING, BEFORE),
        migrations.RunSQL(FILL, EMPTY),
    ]
