import pytest

from tests.factories import make_organisation


@pytest.fixture
def shelf_root(settings, tmp_path):
    """A folder for the test's archives."""
    root = tmp_path / "archive"
    own = {**settings.STORAGES["archive"], "OPTIONS": {"location": root}}
    settings.STORAGES = {**settings.STORAGES, "archive": own}
    return root


@pytest.fixture
def acme(db):
    return make_organisation("Acme")
