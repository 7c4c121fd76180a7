from datetime import UTC, datetime
from decimal import Decimal

from django.db import migrations

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # no event is older
TRANSFER = {
    "slug": "transfer",
    "name": "Transfer",
    "aggregation": "counter",
    "event_type": "catacloud.transfer.finished",
    "quantity_field": "bytes",
    "unit": "GB",
    "unit_size": Decimal(1_000_000_000),
}

# The number that a JSON value is, exactly; NULL where it is none, or none that the tables keep.
# Text is matched before it is cast, so that nothing a sender writes is an error here. In PL/pgSQL,
# for SQL that is not inlined is started anew at each call.
QUANTITY = r"""
CREATE FUNCTION billing_quantity(value jsonb, may_be_negative boolean)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    quantity numeric;
BEGIN
    CASE jsonb_typeof(value)
        WHEN 'number' THEN quantity := value;
        WHEN 'string' THEN
            IF value #>> '{}' ~ '^[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,2})?$' THEN
                quantity := value #>> '{}';
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
# The values of dimensions, by name; the empty text where the event has none.
GROUPS = """
CREATE FUNCTION billing_groups(data jsonb, dimensions jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT jsonb_object_agg(name, left(coalesce(
    data #>> ARRAY(SELECT jsonb_array_elements_text(keys)), ''
), 100))
FROM jsonb_each(dimensions) AS dimension (name, keys)
$$
"""
# Hours of what was metered before are made by a rebuild: days do not know them.
TOTALS = """
INSERT INTO billing_platformusage (partition, service_id, day, quantity, area, event_count)
SELECT 0, service_id, day, sum(quantity), sum(area), sum(event_count)
FROM billing_dailyusage GROUP BY service_id, day
"""


def define(apps, schema_editor):
    Service = apps.get_model("billing", "Service")
    Definition = apps.get_model("billing", "Definition")
    if not Service.objects.filter(event_type=TRANSFER["event_type"]).exists():
        Service.objects.get_or_create(slug=TRANSFER["slug"], defaults=TRANSFER)
    for service in Service.objects.all():
        Definition.objects.create(
            service=service,
            starts_at=BEGINNING,
            event_types=[service.event_type],
            quantity_path=service.quantity_field,
        )


class Migration(migrations.Migration):
    """What services counted so far is their first definition; and how SQL reads definitions."""

    dependencies = [("billing", "0011_service_definitions")]

    operations = [
        migrations.RunPython(define, migrations.RunPython.noop),
        migrations.RunSQL(QUANTITY, "DROP FUNCTION billing_quantity"),
        migrations.RunSQL(GROUPS, "DROP FUNCTION billing_groups"),
        migrations.RunSQL(TOTALS, migrations.RunSQL.noop),
    ]
