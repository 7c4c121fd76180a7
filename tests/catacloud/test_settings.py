"""Settings come from the environment, and say clearly what is wrong with it."""

import os
import subprocess
import sys

import pytest

GOOD = {
    "SECRET_KEY": "x" * 40,
    "DATABASE_URL": "postgres://u:p@localhost/name",
    "REDIS_URL": "redis://localhost",
}
PRINT = "from django.conf import settings as s; print(s.DEBUG, s.CELERY_BROKER_URL)"


def load(**changes):
    """Load the settings in a process of their own; None takes a variable away."""
    environment = {**GOOD, **changes, "DJANGO_SETTINGS_MODULE": "catacloud.settings"}
    return subprocess.run(
        [sys.executable, "-c", PRINT],
        env={"PATH": os.environ["PATH"]} | {k: v for k, v in environment.items() if v is not None},
        capture_output=True,
        text=True,
        check=False,
    )


def test_debug_is_off_unless_it_is_asked_for():
    assert load().stdout == "False redis://localhost\n"
    assert load(DEBUG="True").stdout.startswith("True")


def test_celery_gets_its_own_form_of_a_unix_socket():
    url = load(REDIS_URL="unix:///run/v.sock?db=2").stdout.split()[1]
    assert url == "redis+socket:///run/v.sock?virtual_host=2"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is missing or shorter than 32 characters"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is missing or shorter than 32 characters"),
        ({"DATABASE_URL": None}, "DATABASE_URL is missing or not PostgreSQL"),
        ({"DATABASE_URL": "sqlite:///db"}, "DATABASE_URL is missing or not PostgreSQL"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
        ({"REDIS_URL": None}, "REDIS_URL is missing or wrong"),
        ({"REDIS_URL": "http://localhost"}, "REDIS_URL is missing or wrong"),
        ({"DEBUG": "perhaps"}, "DEBUG"),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN is shorter than 20 characters"),
        ({"EVENTSTORE_PARTITIONS": "0"}, "EVENTSTORE_PARTITIONS"),
        ({"BLOB_STORE": "/var/blobs"}, "BLOB_STORE is wrong"),
        ({"BLOB_STORE": "s3:///prefix"}, "BLOB_STORE is wrong"),
        ({"BLOB_STORE": "s3://key:secret@bucket"}, "BLOB_STORE is wrong"),
        ({"BLOB_STORE": "s3://bucket?endpoint=minio:9000"}, "BLOB_STORE is wrong"),
        ({"BLOB_STORE": "s3://bucket?regoin=eu-west-1"}, "BLOB_STORE is wrong"),
    ],
)
def test_a_wrong_environment_stops_the_start_with_a_sentence(changes, sentence):
    done = load(**changes)
    assert done.returncode != 0
    assert sentence in done.stderr.splitlines()[-1]
