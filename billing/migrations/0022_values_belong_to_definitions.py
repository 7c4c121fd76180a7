import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('billing', '0021_values_of_definitions')]

    operations = [
        migrations.AlterField(
            model_name='dimensionvalue',
            name='definition',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.definition'),
        ),
    ]
