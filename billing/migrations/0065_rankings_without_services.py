from django.db import migrations


class Migration(migrations.Migration):
    """What days brought in by service is worked out apart from rankings: see 0064."""

    dependencies = [("billing", "0064_revenue_of_periods")]

    operations = [migrations.RemoveField("rankedorganisation", "services")]
