"""Operators see who was shredded, by whom and why."""

import pytest
from django.urls import reverse

from eventstore import store
from tests.eventstore.examples import TENANT
from tests.eventstore.guests import arrival, guest
from tests.eventstore.shredding.erasing import BOB, shred
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


class TestThePage:
    URL = "/admin/eventstore/checkpoint/shreddings/"

    def test_lists_who_and_why_and_no_key(self, as_user, operator, key):
        shred()
        store.append([arrival(guest(BOB))])
        page = as_user(operator).get(reverse("admin:eventstore_shreddings")).content.decode()
        assert str(TENANT) in page
        assert "alice" in page
        assert "by law" in page
        assert str(BOB) not in page

    def test_is_not_for_everyone(self, as_user):
        staff = make_user("staff@example.org", is_staff=True)
        assert as_user(staff).get(self.URL).status_code == 403
