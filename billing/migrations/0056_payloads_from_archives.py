import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Payloads that came back from archives, for services that were made later."""

    dependencies = [
        ('accounts', '0006_language'),
        ('billing', '0055_services_have_a_size_of_their_level'),
    ]

    operations = [
        migrations.CreateModel(
            name='RestoredPayload',
            fields=[
                ('pk', models.CompositePrimaryKey('organisation_id', 'position', blank=True, editable=False, primary_key=True, serialize=False)),
                ('position', models.BigIntegerField()),
                ('data', models.JSONField()),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation')),
            ],
        ),
    ]
