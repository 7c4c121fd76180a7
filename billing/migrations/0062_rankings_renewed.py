from datetime import timedelta

from django.db import migrations, models
from django.db.models.functions import Now

# They are made again as soon as somebody asks: those of before have not said what they are made of.
EMPTY = """
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE billing_revenuemark SET ranking_id = NULL;
DELETE FROM billing_rankedorganisation;
DELETE FROM billing_ranking;
"""


class Migration(migrations.Migration):
    """Those whose usage changed are ranked again, without all others."""

    dependencies = [("billing", "0061_revenue_by_organisation")]

    operations = [
        migrations.RunSQL(EMPTY, migrations.RunSQL.noop),
        migrations.AddField(
            "ranking",
            "made_at",
            models.DateTimeField(db_default=Now(), help_text="What is stored adds up to then."),
        ),
        migrations.AddField(
            "ranking",
            "renewal",
            models.DurationField(
                default=timedelta(), db_default=timedelta(), help_text="How long the last one took."
            ),
        ),
        migrations.AlterField(
            "ranking",
            "as_of",
            models.DateTimeField(help_text="All that was folded up to then is in it."),
        ),
        migrations.AddField("ranking", "seen", models.JSONField(default=dict, db_default={})),
        migrations.AddField(
            "rankedorganisation", "services", models.JSONField(default=dict, db_default={})
        ),
    ]
