from django.db import migrations

# For queries of the bytes that files store, where these ask by the minute: among many usage events
# of an organisation its file events would be hard to find.
INDEX = """
CREATE INDEX billing_files_by_time ON eventstore_storedevent (tenant_id, occurred_at)
WHERE type IN ('file.part_stored', 'file.completed', 'file.deleted', 'file.expired')
"""


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0022_values_belong_to_definitions"),
        ("eventstore", "0016_archives"),
    ]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX billing_files_by_time")]
