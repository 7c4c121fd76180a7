import pytest


@pytest.fixture
def client(as_user, member):
    return as_user(member)
