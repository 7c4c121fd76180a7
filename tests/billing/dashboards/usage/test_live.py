"""An open page of an organisation's usage follows its events."""

from datetime import date

import pytest

from tests.billing.dashboards.conftest import FRAGMENT
from tests.billing.dashboards.usage.page import URL, measure, tag_in
from tests.factories import (
    make_daily_usage,
)

pytestmark = pytest.mark.django_db


class TestLive:
    def test_hears_that_nothing_is_new(self, acme, client, django_assert_max_num_queries):
        make_daily_usage(acme, date(2026, 11, 3), hours=1)
        tag = tag_in(client.get(URL, headers=FRAGMENT))
        with django_assert_max_num_queries(5):
            again = client.get(URL, headers={**FRAGMENT, "If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")

    def test_gets_new_figures_as_soon_as_they_count(self, acme, client):
        make_daily_usage(acme, date(2026, 11, 3), hours=1)
        tag = tag_in(client.get(URL, headers=FRAGMENT))
        measure(acme, ("eu", 12, 7200))
        again = client.get(URL, headers={**FRAGMENT, "If-None-Match": tag})
        assert again.status_code == 200
        assert tag_in(again) != tag

    def test_another_state_is_not_what_is_known(self, acme, client):
        tag = tag_in(client.get(URL, headers=FRAGMENT))
        other = client.get(f"{URL}?range=7d", headers={**FRAGMENT, "If-None-Match": tag})
        assert other.status_code == 200

    def test_a_page_that_is_opened_is_never_answered_with_a_tag_alone(self, acme, client):
        tag = tag_in(client.get(URL))
        assert client.get(URL, headers={"If-None-Match": tag}).status_code == 200
