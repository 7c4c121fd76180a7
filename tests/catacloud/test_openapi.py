"""The API's description is complete, and true: schemathesis sends what it allows and what not."""

from functools import cache
from importlib import import_module

import hypothesis
import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase

from catacloud.accounts.api_keys import create_api_key
from catacloud.api import api
from catacloud.openapi import METHODS
from catacloud.wsgi import application
from tests.uploads.examples import add

REFUSED = ["4xx"]  # tus has its own: 410, 412, 413, 416 and 460
CONFIG = {
    "checks": {
        # Would send every good request twice again; test_tenancy.py tries each address without key.
        "ignored_auth": {"enabled": False},
        "negative_data_rejection": {"expected-statuses": REFUSED},
        "missing_required_header": {"expected-statuses": REFUSED},
        # What a schema cannot say, such as a time in the future, is refused all the same.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "4xx"]},
    },
    "operations": [
        {  # 200 names those events of a batch that it refuses
            "include-method": "POST",
            "include-path": "/api/v1/events",
            "checks": {"negative_data_rejection": {"expected-statuses": ["200", *REFUSED]}},
        },
    ],
}


def application_closing(environ, start_response):
    """Our application, with each response closed: a file that is sent is then as well."""
    response = application(environ, start_response)
    try:
        return list(response)
    finally:
        response.close()


@cache
def described():
    """Load schemathesis and the description: of pytest's workers only that which asks with it."""
    schemathesis = import_module("schemathesis")

    @schemathesis.serializer("application/offset+octet-stream")
    def as_they_are(_, value):
        return value if isinstance(value, bytes) else str(value).encode()

    return schemathesis.openapi.from_wsgi(
        "/api/v1/openapi.json", application_closing, config=schemathesis.Config.from_dict(CONFIG)
    )


NAMES = [
    f"{method.upper()} {path}"
    for path, operations in api.get_openapi_schema()["paths"].items()
    for method in METHODS
    if method in operations
]


@pytest.fixture
def key(acme):
    return create_api_key(organisation=None, name="schemathesis", now=timezone.now())


@pytest.fixture
def _in_one_transaction():
    """Let a request leave the connection open: it is the test's."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@hypothesis.settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
)
def answers_as_it_is_described(case, acme, key):
    if case.meta.generation.mode.is_positive:
        case.path_parameters |= _existing(acme, case.path_parameters)
    case.call_and_validate(headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("_in_one_transaction")
@pytest.mark.django_db
def test_an_endpoint_answers_as_it_is_described(name, acme, key):
    # Not `@description.parametrize`: by that, each of pytest's workers would make the cases of all
    # operations while it collects, and only one of them runs them.
    [made] = import_module("schemathesis.pytest.lazy").get_all_tests(
        schema=described().exclude(lambda other: other.operation.label != name),
        test_func=answers_as_it_is_described,
        settings=None,
        given_kwargs={},
    )
    _, test = made.ok()
    test(acme=acme, key=key)


def _existing(acme, names):
    """Return names of what is there, since guesses are never found."""
    known = {
        "organisation": lambda: acme.slug,
        "upload_id": lambda: str(add(acme, b"content")),
        "meter": lambda: "transfer",
        "external_customer_id": lambda: acme.slug,
    }
    return {name: known[name]() for name in names if name in known}


def test_every_endpoint_of_the_description_is_asked():
    assert sorted(NAMES) == sorted(one.ok().label for one in described().get_all_operations())


def test_the_description_names_every_address_of_programs():
    assert {path.split("/")[1] for path in described().raw_schema["paths"]} == {
        "api",
        "files",
        "lago",
    }
