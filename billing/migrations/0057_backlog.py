import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a new definition does not count yet is noted with it: see backlog.py."""

    dependencies = [
        ('billing', '0056_payloads_from_archives'),
    ]

    operations = [
        migrations.CreateModel(
            name='Backlog',
            fields=[
                ('pk', models.CompositePrimaryKey('definition_id', 'partition', blank=True, editable=False, primary_key=True, serialize=False)),
                ('partition', models.SmallIntegerField()),
                ('until', models.BigIntegerField()),
                ('definition', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='billing.definition')),
                ('service', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='billing.service')),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='definition',
            trigger=pgtrigger.compiler.Trigger(name='new_definition_has_a_backlog', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nPERFORM pg_advisory_xact_lock(hashtext('billing_definition'));\nINSERT INTO billing_backlog (service_id, definition_id, partition, until)\nSELECT NEW.service_id, NEW.id, partition, position FROM eventstore_checkpoint\nWHERE consumer = 'metrics' AND position > 0;\nIF to_regclass('usage_rebuild.billing_backlog') IS NOT NULL THEN\n    INSERT INTO usage_rebuild.billing_backlog (service_id, definition_id, partition, until)\n    SELECT NEW.service_id, NEW.id, partition, position FROM eventstore_checkpoint\n    WHERE position > 0 AND consumer = (\n        SELECT CASE WHEN scope.service IN ('', slug) THEN 'metrics-rebuild' ELSE 'metrics' END\n        FROM usage_rebuild.scope, billing_service WHERE billing_service.id = NEW.service_id\n    );\nEND IF;\nRETURN NEW;\n", hash='d816711e79dceda8fb8d19d0c67045abf56dc757', operation='INSERT', pgid='pgtrigger_new_definition_has_a_backlog_757dd', table='billing_definition', when='AFTER')),
        ),
    ]
