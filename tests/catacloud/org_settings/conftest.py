import pytest

from catacloud.accounts.models import Role
from tests.factories import make_user


@pytest.fixture
def biller(acme):
    return make_user("billing@example.org", organisation=acme, role=Role.BILLING)
