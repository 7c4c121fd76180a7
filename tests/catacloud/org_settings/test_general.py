"""The time zone, the billing details, and what each member chooses alone."""

import pytest

from billing.invoicing.legal import BillingDetails
from catacloud.accounts.emails import recipients
from catacloud.accounts.models import EmailKind, Membership
from catacloud.org_settings.events import BillingDetailsChanged, TimeZoneChanged
from tests.catacloud.org_settings.events import events_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PAGE = "/organisations/acme/settings/"
DETAILS = {
    "legal_name": "Acme GmbH",
    "country": "de",
    "vat_id": "DE129273398",
    "language": "de",
}


class TestTheTimeZone:
    def test_is_changed_by_an_owner_and_figures_follow(self, as_user, owner, acme):
        page = as_user(owner).post(f"{PAGE}time-zone/", {"time_zone": "Asia/Tokyo"}, follow=True)
        assert b"Days and months are of Asia/Tokyo now." in page.content
        acme.refresh_from_db()
        assert acme.time_zone == "Asia/Tokyo"
        assert events_of(acme) == [TimeZoneChanged(was="UTC", time_zone="Asia/Tokyo")]

    @pytest.mark.parametrize("zone", ["", "Mars/Olympus", "UTC"])
    def test_stays_where_it_is_no_other(self, as_user, owner, acme, zone):
        as_user(owner).post(f"{PAGE}time-zone/", {"time_zone": zone})
        acme.refresh_from_db()
        assert acme.time_zone == "UTC"
        assert events_of(acme) == []


class TestBillingDetails:
    def test_are_kept_by_those_who_see_to_the_bills(self, as_user, biller, acme):
        client = as_user(biller)
        assert client.post(f"{PAGE}billing/", DETAILS).headers["Location"] == f"{PAGE}billing/"
        kept = BillingDetails.objects.get(organisation=acme)
        assert (kept.legal_name, kept.country, kept.language) == ("Acme GmbH", "DE", "de")
        [event] = events_of(acme)
        assert event == BillingDetailsChanged(
            fields=["country", "language", "legal_name", "vat_id"]
        )
        client.post(f"{PAGE}billing/", DETAILS | {"city": "Kiel", "country": "DE"})
        assert events_of(acme)[1:] == [BillingDetailsChanged(fields=["city"])]

    def test_say_what_is_wrong(self, as_user, biller, acme):
        page = as_user(biller).post(f"{PAGE}billing/", DETAILS | {"vat_id": "DE129273399"})
        assert b"is no VAT id" in page.content
        assert not BillingDetails.objects.exists()

    def test_say_nothing_of_who_invoices_or_why_without_vat(self, as_user, owner, acme):
        as_user(owner).post(f"{PAGE}billing/", DETAILS | {"exempt_reason": "I want no VAT"})
        assert BillingDetails.objects.get().exempt_reason == ""


class TestEmails:
    def wanted_by(self, organisation, kind=EmailKind.INVOICES):
        return [user.email for user in recipients(organisation, kind)]

    def test_go_to_owners_and_billers_until_somebody_chooses(self, acme, owner, biller, member):
        assert self.wanted_by(acme) == [biller.email, owner.email]

    def test_go_to_who_chose_them(self, as_user, acme, owner, biller, member):
        as_user(member).post(f"{PAGE}emails/", {"emails": ["invoices"]})
        as_user(owner).post(f"{PAGE}emails/", {})
        assert self.wanted_by(acme) == [biller.email, member.email]
        assert self.wanted_by(acme, EmailKind.BUDGETS) == [biller.email]
        assert b'value="invoices" checked' in as_user(member).get(PAGE).content

    def test_go_to_nobody_who_left_or_cannot_sign_in(self, acme, owner, biller):
        biller.is_active = False
        biller.save()
        make_user("gone@example.org")
        assert self.wanted_by(acme) == [owner.email]

    def test_of_no_known_kind_are_refused(self, as_user, member):
        as_user(member).post(f"{PAGE}emails/", {"emails": ["gossip"]})
        assert Membership.objects.get(user=member).emails is None
