"""Every page of the admin: with a name for all that is on it, to be read, and not too wide."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.accounts.models import Account
from billing.migrating.models import PlanMigration
from tests.journeys.accessibility import assert_accessible
from tests.journeys.admin_pages import actions, left_out, pages
from tests.journeys.one_of_each import make_one_of_each

pytestmark = pytest.mark.django_db(transaction=True)

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 780}
AROUND = ("#nav-sidebar", "#header")  # more than half of most pages: on one it is looked at


@pytest.fixture
def all_pages(operator, monkeypatch):
    monkeypatch.setattr("eventstore.admin.PAGE", 1)  # so that there is a next page
    make_one_of_each(by=operator, now=timezone.now())
    return pages(operator)


@pytest.fixture
def client(as_user, operator):
    client = as_user(operator)
    client.get(reverse("admin:index"))  # which gives it the token of forms
    return client


@pytest.fixture
def assert_looks_well(page, context, live_server, client, complaints):
    """Return what shows an answer and looks at it: in the light at a desk, in the dark on a phone.

    Answers come into one window by turns: axe, which takes as long to warm up as to look at a page,
    stays warm in it.
    """
    for name, cookie in client.cookies.items():  # for what the pages' scripts ask
        context.add_cookies([{"name": name, "value": cookie.value, "url": live_server.url}])
    page.goto(reverse("admin:index"))
    looks = [("dark", PHONE), ("light", DESK)]

    def assert_looks_well(answer, *, without=AROUND):
        address = answer.request["PATH_INFO"]
        assert answer.status_code == 200, address
        page.set_content(answer.content.decode())
        assert complaints == [], address
        looks.reverse()  # it begins as the last one ended: each change costs a layout
        for scheme, size in looks:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(size)
            assert_accessible(page, scheme=scheme, without=without, called=address)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size["width"], f"{address} is {wide} px wide on {size['width']}"
        complaints.clear()  # axe tries styles of its own, which the page's policy refuses

    return assert_looks_well


def test_every_page_is_accessible_and_fits_a_phone(assert_looks_well, client, all_pages):
    assert left_out(all_pages) == set(), "Say in admin_pages.py what is to be in these addresses."
    assert_looks_well(Client().get(reverse("admin:login")))
    for address in all_pages:
        assert_looks_well(client.get(address))
    assert_looks_well(client.get(reverse("admin:accounts_user_add")), without=())
    assert_looks_well(client.get(reverse("admin:accounts_user_add") + "?_popup=1"))


def test_what_asks_first_or_refuses_is_accessible(assert_looks_well, client, operator, all_pages):
    for address, thing, action in actions(operator):
        assert_looks_well(
            client.post(address, {"_selected_action": thing.pk, "action": action}, follow=True)
        )
    for step in ("confirm", "undo"):
        place = [PlanMigration.objects.get().pk, step]
        assert_looks_well(client.post(reverse("admin:billing_planmigration_do", args=place)))
    account = Account.objects.latest("created_at")
    agreed = {"starts_on": "2027-01-01", "reason": "Asked for."}
    assert_looks_well(
        client.post(reverse("admin:billing_account_agree", args=[account.pk, "pause"]), agreed)
    )
    tiers = {"tiers-TOTAL_FORMS": 1, "tiers-INITIAL_FORMS": 0, "tiers-0-unit_price": "none"}
    assert_looks_well(client.post(reverse("admin:billing_charge_add"), tiers))
