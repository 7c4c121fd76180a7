"""Sends usage from one number up to another, however often the database goes away meanwhile."""

import os
import sys

import django

BATCH = 2_000  # events a request


def main(start: int, end: int) -> None:
    from tests.billing.metering.faults import usage  # once Django is ready

    usage.send_all(usage.bodies(end, batch=BATCH, start=start))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "catacloud.settings")
    django.setup()
    main(*map(int, sys.argv[1:]))
