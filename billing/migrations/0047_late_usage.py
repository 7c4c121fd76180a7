from django.db import migrations

# For the notes on charts: only what came late is in it, so it costs other events nothing.
INDEX = """
CREATE INDEX billing_late_usage ON eventstore_storedevent (tenant_id, occurred_at)
WHERE type = 'usage.recorded' AND recorded_at - occurred_at > interval '2 days'
"""


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0046_rankings_of_organisations"),
        ("eventstore", "0017_throughput"),
    ]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX billing_late_usage")]
