from django.db import migrations

# For the log of what was done in an organisation: among its usage, which is nearly all that there
# is, it would be hard to find. The reader is catacloud/org_settings/log.py.
INDEX = """
CREATE INDEX org_settings_log ON eventstore_storedevent (tenant_id, position)
WHERE type NOT IN ('usage.recorded', 'account.usage_metered', 'file.started', 'file.part_stored')
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [("eventstore", "0017_throughput")]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX org_settings_log")]
