from django.db import migrations, models


# A comparison with NULL is no violation, so the constraint let a level be without a size.
FILL = """
UPDATE billing_service SET level_unit_size = 1
WHERE aggregation = 'level' AND level_unit_size IS NULL
"""


class Migration(migrations.Migration):
    """A level has the size of its level unit; and what a service lacks is said in words."""

    dependencies = [
        ('billing', '0054_level_months'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='service',
            name='service_level_has_a_unit',
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='service',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('aggregation', 'level'), _negated=True), models.Q(('level_unit_size__gt', 0), ('level_unit_size__isnull', False), models.Q(('level_unit', ''), _negated=True)), _connector='OR'), name='service_level_has_a_unit', violation_error_message='A level over time has a level unit, such as GB, and a level unit size above zero.'),
        ),
        migrations.AlterConstraint(
            model_name='service',
            name='service_unit_is_positive',
            constraint=models.CheckConstraint(condition=models.Q(('unit_size__gt', 0)), name='service_unit_is_positive', violation_error_message='The unit size must be above zero.'),
        ),
    ]
