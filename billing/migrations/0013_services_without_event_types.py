from django.db import migrations, models

# What an event is joined with to find which services count it, and how. A row per event type.
COUNTING = """
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


def rename(old, new):
    def update(apps, schema_editor):
        apps.get_model("billing", "Service").objects.filter(aggregation=old).update(aggregation=new)

    return update


class Migration(migrations.Migration):
    """Definitions say now which events count; and what was a counter is a sum, for there are more."""

    dependencies = [("billing", "0012_definitions_of_services")]

    operations = [
        migrations.RemoveConstraint(
            model_name='service',
            name='service_level_has_a_unit',
        ),
        migrations.RemoveField(
            model_name='service',
            name='event_type',
        ),
        migrations.RemoveField(
            model_name='service',
            name='quantity_field',
        ),
        migrations.AlterField(
            model_name='service',
            name='aggregation',
            field=models.CharField(choices=[('sum', 'Sum'), ('count', 'Count'), ('level', 'Level')], max_length=20),
        ),
        migrations.RunPython(rename("counter", "sum"), rename("sum", "counter")),
        migrations.AddConstraint(
            model_name='service',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('aggregation', 'level'), _negated=True), models.Q(('level_unit_size__gt', 0), models.Q(('level_unit', ''), _negated=True)), _connector='OR'), name='service_level_has_a_unit'),
        ),
        migrations.RunSQL(COUNTING, "DROP VIEW billing_counting"),
    ]
