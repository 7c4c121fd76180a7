import pytest


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)
