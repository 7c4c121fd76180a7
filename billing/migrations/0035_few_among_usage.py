from django.db import migrations

# The saga looks for these in every window: among usage, of which most windows are all. Without it
# each look reads the window's rows once more.
INDEX = """
CREATE INDEX billing_few_among_usage ON eventstore_storedevent (partition, position) WHERE type IN (
    'usage.voided', 'file.part_stored', 'file.completed', 'file.deleted', 'file.expired'
)
"""


class Migration(migrations.Migration):

    dependencies = [("billing", "0034_issued_files")]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX billing_few_among_usage")]
