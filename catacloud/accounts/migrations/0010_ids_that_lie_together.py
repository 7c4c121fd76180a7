from django.db import migrations, models

import catacloud.accounts.ids


class Migration(migrations.Migration):
    """Draw ids of new organisations whose events lie together; the database changes nothing."""

    dependencies = [("accounts", "0009_warned_at")]

    operations = [
        migrations.AlterField(
            model_name="organisation",
            name="id",
            field=models.UUIDField(
                default=catacloud.accounts.ids.new_id,
                editable=False,
                primary_key=True,
                serialize=False,
            ),
        ),
    ]
