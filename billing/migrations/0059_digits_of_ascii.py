from importlib import import_module

from django.db import migrations

BEFORE = import_module("billing.migrations.0026_quantities_read_faster").QUANTITY

# By some collations a digit is also one of Arabic or of Thai, which no number is cast of.
QUANTITY = BEFORE.replace(r"\d", "[0-9]")


class Migration(migrations.Migration):
    """Quantities are the same whatever the collation of the database."""

    dependencies = [("billing", "0058_long_groups")]

    operations = [migrations.RunSQL(QUANTITY, BEFORE)]
