"""The worker that simulates a migration, part after part, beside others."""

import os
from datetime import datetime

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "catacloud.settings"
django.setup()

from billing.migrating import simulating  # noqa: E402
from billing.migrating.models import PlanMigration  # noqa: E402
from catacloud import heap  # noqa: E402
from tests.benchmarks.workers import Reply, counted, serve  # noqa: E402


def hello(writer: int) -> Reply:
    return {"found": PlanMigration.objects.count()}


def simulate(writer: int, migration: str, now: str) -> Reply:
    named = PlanMigration.objects.select_related("to_version").get(pk=migration)

    def work() -> int:
        done = 0
        while some := simulating.simulate_part(named, now=datetime.fromisoformat(now)):
            done += some
        return done

    return counted(work)


if __name__ == "__main__":
    heap.settle()  # as the project's own processes do
    serve({"hello": hello, "simulate": simulate})
