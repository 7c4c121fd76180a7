"""Settings come from the environment, and say clearly what is wrong with it."""

import os
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError

from catacloud import settings

GOOD = {
    "SECRET_KEY": "x" * 40,
    "DATABASE_URL": "postgres://u:p@localhost/name",
    "REDIS_URL": "redis://localhost",
}


@pytest.fixture
def load(monkeypatch):
    """Return what loads the settings beside our own; None takes a variable away.

    In this process: one for each would import the same for a second.
    """

    def load(**changes):
        found = {k: v for k, v in {**GOOD, **changes}.items() if v is not None}
        monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], **found})
        return SimpleNamespace(**runpy.run_path(settings.__file__))

    return load


def test_debug_is_off_unless_it_is_asked_for(load):
    assert load().DEBUG is False
    assert load(DEBUG="True").DEBUG is True


def test_celery_gets_its_own_form_of_a_unix_socket(load):
    assert load().CELERY_BROKER_URL == "redis://localhost"
    url = load(REDIS_URL="unix:///run/v.sock?db=2").CELERY_BROKER_URL
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
def test_a_wrong_environment_is_refused_with_a_sentence(load, changes, sentence):
    with pytest.raises((ImproperlyConfigured, EnvError)) as refused:
        load(**changes)
    assert sentence in str(refused.value).splitlines()[-1]


@pytest.mark.parametrize("wrong", [{"SECRET_KEY": "short"}, {"DEBUG": "perhaps"}])
def test_what_is_refused_stops_the_start_and_is_said_last(wrong):
    done = subprocess.run(
        [sys.executable, "-c", "import catacloud.settings"],
        env={"PATH": os.environ["PATH"], **GOOD, **wrong},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    [name] = wrong
    assert name in done.stderr.splitlines()[-1]
