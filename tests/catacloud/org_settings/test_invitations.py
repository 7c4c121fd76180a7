"""Who is invited by e-mail chooses a password, and belongs to the organisation."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from catacloud.accounts.models import Invitation, Membership, Role, User
from catacloud.org_settings import invitations
from catacloud.org_settings.events import InvitationWithdrawn, MemberAdded, MemberInvited
from catacloud.org_settings.invitations import NoInvitation
from tests.catacloud.org_settings.events import events_of
from tests.factories import PASSWORD, make_organisation, make_user
from tests.races import run_at_once

MEMBERS = "/organisations/acme/settings/members/"
NEW = "new@example.org"
CHOSEN = {"new_password1": PASSWORD, "new_password2": PASSWORD}


def sent_link() -> str:
    [link] = re.findall(r"http://testserver(/invitations/\S+)", str(mail.outbox[-1].body))
    return str(link)


@pytest.fixture
def link(as_user, owner) -> str:
    as_user(owner).post(MEMBERS, {"email": NEW, "role": "billing"})
    return sent_link()


@pytest.mark.django_db
class TestAnInvitation:
    def test_goes_by_e_mail_and_only_its_digest_is_kept(self, link, acme):
        assert mail.outbox[-1].to == [NEW]
        kept = Invitation.objects.get()
        assert link.split("/")[2] not in (kept.digest, str(kept.__dict__))
        assert events_of(acme) == [MemberInvited(email=NEW, role="billing")]

    def test_lets_a_new_person_choose_a_password_and_signs_them_in(self, link, acme):
        client = Client()
        assert b"Join Acme" in client.get(link).content
        page = client.post(link, CHOSEN, follow=True)
        assert page.redirect_chain == [("/organisations/acme/usage/", 302)]
        assert b"You belong to Acme now." in page.content
        assert Membership.objects.get(user__email=NEW).role == "billing"
        assert events_of(acme)[-1] == MemberAdded(email=NEW, role="billing", invited=True)

    def test_works_once(self, link):
        Client().post(link, CHOSEN)
        again = Client().post(link, CHOSEN)
        assert again.status_code == 404
        assert b"leads nowhere any more" in again.content

    def test_is_not_spent_by_looking_at_it_or_by_a_bad_password(self, link):
        page = Client().post(link, {"new_password1": "password", "new_password2": "password"})
        assert b"too short" in page.content
        assert Client().get(link).status_code == 200
        assert not User.objects.filter(email=NEW).exists()

    def test_expires(self, link):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert Client().get(link).status_code == 404
        assert Client().post(link, CHOSEN).status_code == 404

    def test_is_renewed_by_the_next_one_to_the_address(self, link, as_user, owner):
        as_user(owner).post(MEMBERS, {"email": NEW.upper(), "role": "member"})
        assert Client().get(link).status_code == 404
        assert Client().get(sent_link()).status_code == 200
        assert Invitation.objects.get().role == "member"

    def test_is_withdrawn(self, link, as_user, owner, acme):
        place = f"/organisations/acme/settings/invitations/{Invitation.objects.get().pk}/withdraw/"
        as_user(owner).post(place)
        as_user(owner).post(place)
        assert Client().get(link).status_code == 404
        assert events_of(acme)[1:] == [InvitationWithdrawn(email=NEW)]

    def test_lets_who_got_an_account_meanwhile_keep_the_password(self, link):
        user = make_user(NEW, organisation=make_organisation("Elsewhere"))
        answer = Client().post(link, {"new_password1": "another long one"})
        assert answer.headers["Location"] == "/organisations/acme/usage/"
        assert Membership.objects.filter(user=user).count() == 2
        user.refresh_from_db()
        assert user.check_password(PASSWORD)
        assert "sessionid" not in answer.cookies  # the token proves the address, not the person

    def test_says_who_else_is_signed_in(self, link, as_user, stranger):
        page = as_user(stranger).get(link)
        assert b"You are signed in as stranger@example.org" in page.content

    def test_is_kept_where_the_mail_server_is_away(self, as_user, owner, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        page = as_user(owner).post(MEMBERS, {"email": NEW, "role": "member"}, follow=True)
        assert b"could not be sent" in page.content
        assert Invitation.objects.filter(email=NEW).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_accept_at_once_one_does():
    acme = make_organisation("Acme")
    owner = make_user("owner@example.org", organisation=acme, role=Role.OWNER)
    now = timezone.now()
    token = invitations.invite(organisation=acme, email=NEW, role=Role.MEMBER, by=owner, now=now)
    accept = partial(invitations.accept, token, password=PASSWORD, now=now)
    assert len(run_at_once(accept, accept, expected=NoInvitation)) == 1
    assert Membership.objects.filter(user__email=NEW).count() == 1
