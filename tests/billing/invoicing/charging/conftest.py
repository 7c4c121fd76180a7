import pytest

from tests.factories import make_service


@pytest.fixture
def hours():
    return make_service(slug="hours")
