"""Owners say who belongs to their organisation, and one of them always stays."""

from functools import partial

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from catacloud.accounts.models import Invitation, Membership, Role, User
from catacloud.org_settings import members
from catacloud.org_settings.events import MemberAdded, MemberRemoved, RoleChanged
from catacloud.org_settings.members import LastOwner
from tests.catacloud.org_settings.events import events_of
from tests.factories import make_organisation, make_user
from tests.races import run_at_once

PAGE = "/organisations/acme/settings/members/"


def role_of(user: User) -> str | None:
    found = Membership.objects.filter(user=user, organisation__slug="acme").first()
    return found.role if found else None


def place(user: User) -> int:
    return Membership.objects.get(user=user).pk


@pytest.mark.django_db
class TestAnOwner:
    def test_adds_an_existing_person_who_is_told_by_e_mail(self, as_user, acme, owner, stranger):
        answer = as_user(owner).post(PAGE, {"email": "Stranger@Example.org", "role": "billing"})
        assert answer.headers["Location"] == PAGE
        assert role_of(stranger) == "billing"
        assert events_of(acme) == [MemberAdded(email="stranger@example.org", role="billing")]
        [sent] = mail.outbox
        assert sent.to == ["stranger@example.org"]
        assert "/organisations/acme/usage/" in sent.body

    def test_writes_to_each_person_in_their_own_language(self, as_user, owner, stranger):
        owner.language, stranger.language = "en", "de"
        for one in (owner, stranger):
            one.save()
        as_user(owner).post(PAGE, {"email": stranger.email, "role": "billing"})
        [sent] = mail.outbox
        assert sent.subject == "Acme auf Catacloud"
        assert "hat Sie zu Acme auf Catacloud hinzugefügt" in sent.body
        assert "settings." not in sent.body

    def test_is_told_that_somebody_belongs_to_it_already(self, as_user, owner, member):
        answer = as_user(owner).post(PAGE, {"email": member.email, "role": "owner"}, follow=True)
        assert b"belongs to this organisation already" in answer.content
        assert role_of(member) == "member"

    def test_is_told_what_is_no_address(self, as_user, owner):
        page = as_user(owner).post(PAGE, {"email": "nobody", "role": "member"})
        assert b"Enter a valid email address." in page.content
        assert not Invitation.objects.exists()

    def test_changes_a_role(self, as_user, acme, owner, member):
        as_user(owner).post(f"{PAGE}{place(member)}/role/", {"role": "billing"})
        assert role_of(member) == "billing"
        assert events_of(acme) == [RoleChanged(email=member.email, was="member", role="billing")]

    @pytest.mark.parametrize("role", ["member", "", "emperor"])
    def test_who_changes_nothing_leaves_no_trace(self, as_user, acme, owner, member, role):
        as_user(owner).post(f"{PAGE}{place(member)}/role/", {"role": role})
        assert role_of(member) == "member"
        assert events_of(acme) == []

    def test_removes_a_member(self, as_user, acme, owner, member):
        as_user(owner).post(f"{PAGE}{place(member)}/remove/")
        assert role_of(member) is None
        assert events_of(acme) == [MemberRemoved(email=member.email)]
        assert as_user(member).get("/organisations/acme/usage/").status_code == 404

    def test_is_led_to_what_is_left_after_giving_the_role_up(self, as_user, acme, owner):
        make_user("second@example.org", organisation=acme, role=Role.OWNER)
        answer = as_user(owner).post(f"{PAGE}{place(owner)}/role/", {"role": "member"}, follow=True)
        assert answer.redirect_chain[-1][0] == "/organisations/acme/settings/"
        assert b"The role is changed." in answer.content

    @pytest.mark.parametrize("act", ["remove/", "role/"])
    def test_cannot_touch_members_of_others(self, as_user, owner, stranger, act):
        answer = as_user(owner).post(f"{PAGE}{place(stranger)}/{act}", {"role": "owner"})
        assert answer.headers["Location"] == PAGE
        assert Membership.objects.get(user=stranger).role == "member"


@pytest.mark.django_db
class TestTheLastOwner:
    @pytest.mark.parametrize("act", ["remove/", "role/"])
    def test_stays(self, as_user, owner, member, act):
        page = as_user(owner).post(f"{PAGE}{place(owner)}/{act}", {"role": "billing"}, follow=True)
        assert b"The last owner stays" in page.content
        assert role_of(owner) == "owner"

    def test_cannot_leave(self, as_user, owner, acme):
        page = as_user(owner).post("/organisations/acme/settings/leave/", follow=True)
        assert b"The last owner stays" in page.content
        assert events_of(acme) == []

    def test_stays_for_the_operators_as_well(self, as_user, operator, owner):
        as_user(operator).post(f"{PAGE}{place(owner)}/remove/")
        assert role_of(owner) == "owner"


@pytest.mark.django_db
def test_a_member_leaves(as_user, acme, owner, member):
    page = as_user(member).post("/organisations/acme/settings/leave/", follow=True)
    assert b"You have left Acme." in page.content
    assert events_of(acme) == [MemberRemoved(email=member.email, left=True)]


@pytest.fixture
def two_owners(transactional_db):
    acme = make_organisation("Acme")
    return acme, [
        make_user(f"{name}@example.org", organisation=acme, role=Role.OWNER) for name in "ab"
    ]


@pytest.mark.django_db(transaction=True)
class TestOfTwoOwnersAtOnce:
    def test_one_stays(self, two_owners):
        acme, owners = two_owners
        now = timezone.now()
        leave = [
            partial(members.remove, organisation=acme, member_id=place(one), by=owners[0], now=now)
            for one in owners
        ]
        errors = run_at_once(*leave, expected=LastOwner)
        assert len(errors) == 1
        assert Membership.objects.filter(organisation=acme, role="owner").count() == 1
        assert len(events_of(acme)) == 1

    def test_one_stays_whoever_writes_to_the_database(self, two_owners):
        acme, owners = two_owners
        rows = [Membership.objects.filter(user=one) for one in owners]
        jobs = [lambda: rows[0].update(role="member"), rows[1].delete]
        [error] = run_at_once(*jobs, expected=IntegrityError)
        assert "The last owner stays" in str(error)
        assert Membership.objects.filter(organisation=acme, role="owner").count() == 1

    def test_they_may_change_places_in_a_transaction(self, two_owners):
        _, [first, second] = two_owners
        Membership.objects.filter(user=second).update(role="member")
        with transaction.atomic():
            Membership.objects.filter(user=first).update(role="member")
            Membership.objects.filter(user=second).update(role="owner")
        assert (role_of(first), role_of(second)) == ("member", "owner")

    def test_all_go_with_the_organisation(self, two_owners):
        acme, _ = two_owners
        acme.delete()
        assert not Membership.objects.exists()
