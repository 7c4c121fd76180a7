"""Who belongs to an organisation, and in which role. Its row is locked first, so one at a time."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from catacloud.accounts.models import Invitation, Membership, Organisation, Role, User
from catacloud.org_settings.events import MemberAdded, MemberRemoved, RoleChanged, record


class MemberError(Exception):
    """What was asked for cannot be done to a member. The message says why, to a person."""


class AlreadyMember(MemberError):
    def __init__(self, email: str) -> None:
        said = _("%(email)s belongs to this organisation already: change the role below.")
        super().__init__(said % {"email": email})


class LastOwner(MemberError):
    def __init__(self) -> None:
        super().__init__(_("The last owner stays: make somebody else an owner first."))


class NoSuchMember(MemberError):
    def __init__(self) -> None:
        super().__init__(_("This person does not belong to the organisation any more."))


def lock(organisation: Organisation) -> None:
    """Let changes of the members wait for each other, until the transaction ends."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)


@transaction.atomic
def add(*, organisation: Organisation, user: User, role: Role, by: User, now: datetime) -> None:
    """Add somebody who can sign in already. Raises AlreadyMember."""
    lock(organisation)
    if Membership.objects.filter(organisation=organisation, user=user).exists():
        raise AlreadyMember(user.email)
    Membership.objects.create(organisation=organisation, user=user, role=role)
    Invitation.objects.filter(organisation=organisation, email=user.email).delete()
    record(organisation, MemberAdded(email=user.email, role=role), by=by, now=now)


@transaction.atomic
def change_role(
    *, organisation: Organisation, member_id: int, role: Role, by: User, now: datetime
) -> None:
    """Give a member another role. Raises LastOwner and NoSuchMember."""
    lock(organisation)
    member = _member(organisation, member_id)
    was = member.role
    if was == role:
        return
    if was == Role.OWNER:
        _keep_an_owner(organisation, member)
    member.role = role
    member.save(update_fields=["role"])
    record(organisation, RoleChanged(email=member.user.email, was=was, role=role), by=by, now=now)


@transaction.atomic
def remove(*, organisation: Organisation, member_id: int, by: User, now: datetime) -> None:
    """Remove a member, who may be the one who asks for it. Raises LastOwner and NoSuchMember."""
    lock(organisation)
    member = _member(organisation, member_id)
    if member.role == Role.OWNER:
        _keep_an_owner(organisation, member)
    member.delete()
    event = MemberRemoved(email=member.user.email, left=member.user == by)
    record(organisation, event, by=by, now=now)


def _member(organisation: Organisation, member_id: int) -> Membership:
    found = Membership.objects.select_related("user").filter(organisation=organisation)
    try:
        return found.get(pk=member_id)
    except Membership.DoesNotExist as error:
        raise NoSuchMember from error


def _keep_an_owner(organisation: Organisation, member: Membership) -> None:
    owners = Membership.objects.filter(organisation=organisation, role=Role.OWNER)
    if not owners.exclude(pk=member.pk).exists():
        raise LastOwner
