import pytest

from tests.billing.archiving.usage import make_tokens, use
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


@pytest.fixture
def used(acme, shelf_root):
    """An organisation with usage to archive, beside another one's."""
    make_tokens()
    use(acme)
    use(make_organisation("Globex"), range(3))
    return acme
