"""Celery's doors into migrations: ids in, one function called, safe to repeat."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from billing.migrating import moving, simulating
from billing.migrating.models import PlanMigration


@shared_task
def simulate_migration(*, migration_id: str, **_: object) -> None:
    migration = PlanMigration.objects.select_related("to_version").get(pk=UUID(migration_id))
    simulating.simulate(migration, now=timezone.now())


@shared_task
def run_migration(*, migration_id: str, **_: object) -> None:
    moving.run(PlanMigration.objects.get(pk=UUID(migration_id)), now=timezone.now())


@shared_task
def resume_migrations(**_: object) -> None:
    """Ring for every migration that is not done: a worker may have died in the midst of it."""
    for migration in PlanMigration.objects.filter(status=PlanMigration.Status.RUNNING):
        run_migration.delay(migration_id=str(migration.pk))
