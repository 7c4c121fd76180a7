from importlib import import_module

from django.db import migrations

BEFORE = import_module("billing.migrations.0012_definitions_of_services").QUANTITY

# The same as before. To count digits up to 40 takes a regular expression most of its time, and a
# text of 40 characters cannot have more.
QUANTITY = r"""
CREATE OR REPLACE FUNCTION billing_quantity(value jsonb, may_be_negative boolean)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    written text;
    quantity numeric;
BEGIN
    CASE jsonb_typeof(value)
        WHEN 'number' THEN quantity := value;
        WHEN 'string' THEN
            written := value #>> '{}';
            IF written ~ '^[+-]?\d+(\.\d+)?([eE][+-]?\d{1,2})?$' AND (
                length(written) <= 40
                OR written ~ '^[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,2})?$'
            ) THEN
                quantity := written;
            END IF;
        ELSE RETURN NULL;
    END CASE;
    IF abs(quantity) <= 1e30 AND min_scale(quantity) <= 12
            AND (quantity >= 0 OR may_be_negative) THEN
        RETURN quantity;
    END IF;
    RETURN NULL;
END $$
"""


class Migration(migrations.Migration):

    dependencies = [("billing", "0025_days_of_time_zones")]

    operations = [
        migrations.RunSQL(QUANTITY, BEFORE.replace("CREATE", "CREATE OR REPLACE", 1)),
    ]
