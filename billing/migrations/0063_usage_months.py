import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Empty: months are kept as they are asked for, by the worker that ranks organisations."""

    dependencies = [
        ("accounts", "0006_language"),
        ("billing", "0062_rankings_renewed"),
    ]

    operations = [
        migrations.CreateModel(
            name="UsageMonth",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "organisation_id",
                        "month",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("month", models.DateField(help_text="Its first day.")),
                ("time_zone", models.CharField(max_length=64)),
                ("seen", models.BigIntegerField()),
                ("figures", models.JSONField()),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="accounts.organisation",
                    ),
                ),
            ],
        ),
    ]
