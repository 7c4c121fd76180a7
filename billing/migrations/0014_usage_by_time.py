from django.db import migrations

# For what asks by time and not by position: the list of events, queries of minutes, archives. Only
# usage is in it, so other events cost nothing; it is billing's, for the event store knows no usage.
INDEX = """
CREATE INDEX billing_usage_by_time ON eventstore_storedevent (tenant_id, occurred_at)
WHERE type = 'usage.recorded'
"""


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0013_services_without_event_types"),
        ("eventstore", "0015_partitioned"),
    ]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX billing_usage_by_time")]
