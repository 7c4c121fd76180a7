"""Celery's doors into migrations: ids in, one function called, safe to repeat."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from billing.migrating import moving, simulating
from billing.migrating.models import PlanMigration


def ring_simulation(migration: PlanMigration) -> None:
    """Ring once for each part that is left: whichever workers are free take one each."""
    for _ in range(simulating.parts_left(migration)):
        simulate_part.delay(migration_id=str(migration.pk))


@shared_task
def simulate_part(*, migration_id: str, **_: object) -> None:
    migration = PlanMigration.objects.select_related("to_version").get(pk=UUID(migration_id))
    simulating.simulate_part(migration, now=timezone.now())


@shared_task
def run_migration(*, migration_id: str, **_: object) -> None:
    moving.run(PlanMigration.objects.get(pk=UUID(migration_id)), now=timezone.now())


@shared_task
def resume_migrations(**_: object) -> None:
    """Ring for what is not done, run or simulated: a worker may have died in the midst of it."""
    for migration in PlanMigration.objects.filter(simulating_since__isnull=False):
        ring_simulation(migration)
    for migration in PlanMigration.objects.filter(status=PlanMigration.Status.RUNNING):
        run_migration.delay(migration_id=str(migration.pk))
