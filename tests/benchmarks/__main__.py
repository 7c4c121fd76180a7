"""``./dev bench NAME [--json]``: exit code 1 when a bar does not hold."""

import argparse
import importlib
import json
import os
import sys

import django
import psycopg
from django.core.management import call_command
from psycopg.sql import SQL, Identifier

DATABASE = "catacloud_bench"
NAMES = ["path"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    _use_a_database_of_its_own()
    failed = False
    for measure in importlib.import_module(f"tests.benchmarks.{options.name}").run():
        line = json.dumps(measure.as_json()) if options.json else str(measure)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        failed = failed or not measure.holds
    return 1 if failed else 0


def _use_a_database_of_its_own() -> None:
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        for sql in ("DROP DATABASE IF EXISTS {} WITH (FORCE)", "CREATE DATABASE {}"):
            connection.execute(SQL(sql).format(Identifier(DATABASE)))
    os.environ["DATABASE_URL"] = f"{server}/{DATABASE}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "catacloud.settings"
    django.setup()
    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
