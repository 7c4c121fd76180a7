"""What many tests share: the four personas, and static files without a manifest."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from catacloud.accounts.models import Membership, Organisation, User
from tests.factories import make_organisation, make_user


@pytest.fixture(autouse=True)
def _quick_settings(settings: Settings) -> None:
    """Serve static files as they are in the tree, and do not spend time on hashing passwords."""
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": plain}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, for tests
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True


@pytest.fixture
def acme(db: None) -> Organisation:
    return make_organisation("Acme")


@pytest.fixture
def operator(db: None) -> User:
    return make_user("operator@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def owner(acme: Organisation) -> User:
    return make_user("owner@example.org", organisation=acme, role=Membership.Role.OWNER)


@pytest.fixture
def member(acme: Organisation) -> User:
    return make_user("member@example.org", organisation=acme)


@pytest.fixture
def stranger(db: None) -> User:
    """Someone who is signed in, and belongs to another organisation."""
    return make_user("stranger@example.org", organisation=make_organisation("Globex"))


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """Return a client that is signed in as a person."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in
