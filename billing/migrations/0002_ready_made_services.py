from decimal import Decimal

from django.db import migrations

# 1 GB·h = 10⁹ bytes × 3600 s × 10⁶ µs, for a level's integral is in bytes × microseconds.
SERVICES = [
    {
        "slug": "storage",
        "name": "Storage",
        "aggregation": "level",
        "event_type": "catacloud.storage.changed",
        "quantity_field": "bytes",
        "unit": "GB·h",
        "unit_size": Decimal(3_600_000_000_000_000_000),
        "level_unit": "GB",
        "level_unit_size": Decimal(1_000_000_000),
    },
    {
        "slug": "execution-time",
        "name": "Execution time",
        "aggregation": "counter",
        "event_type": "catacloud.execution.finished",
        "quantity_field": "seconds",
        "unit": "h",
        "unit_size": Decimal(3600),
    },
]


def create_services(apps, schema_editor):
    Service = apps.get_model("billing", "Service")
    for service in SERVICES:
        Service.objects.create(**service)


def delete_services(apps, schema_editor):
    slugs = [service["slug"] for service in SERVICES]
    apps.get_model("billing", "Service").objects.filter(slug__in=slugs).delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunPython(create_services, delete_services)]
