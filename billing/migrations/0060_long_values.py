from importlib import import_module

from django.db import migrations

BEFORE = import_module("billing.migrations.0012_definitions_of_services").GROUPS

# A value that is too long for a row, or looks as if it was, stands as its beginning and its digest.
VALUE = r"""
CREATE FUNCTION billing_group_value(value text)
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF length(value) > 100 OR length(value) = 100 AND value ~ '…[0-9a-f]{32}$' THEN
        RETURN left(value, 67) || '…'
            || left(encode(sha256(convert_to(value, 'UTF8')), 'hex'), 32);
    END IF;
    RETURN coalesce(value, '');
END $$
"""
GROUPS = """
CREATE OR REPLACE FUNCTION billing_groups(data jsonb, dimensions jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT jsonb_object_agg(name, billing_group_value(
    data #>> ARRAY(SELECT jsonb_array_elements_text(keys))
))
FROM jsonb_each(dimensions) AS dimension (name, keys)
$$
"""


class Migration(migrations.Migration):
    """Long values of dimensions are told apart, also where they begin alike."""

    dependencies = [("billing", "0059_digits_of_ascii")]

    operations = [
        migrations.RunSQL(VALUE, "DROP FUNCTION billing_group_value(text)"),
        migrations.RunSQL(GROUPS, BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")),
    ]
