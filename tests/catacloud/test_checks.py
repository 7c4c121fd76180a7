import pytest
from django.db import connection

from catacloud.checks import keeps_what_it_takes

pytestmark = pytest.mark.django_db


def test_a_database_that_may_lose_what_it_acknowledged_is_told_by_setting():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    found = {one.msg.split()[2]: one.id for one in keeps_what_it_takes(["default"])}
    assert found["synchronous_commit"] == "catacloud.W001"


def test_nothing_is_asked_where_no_database_is_to_be():
    assert keeps_what_it_takes(None) == []
