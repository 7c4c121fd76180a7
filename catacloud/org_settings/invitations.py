"""Invitations by e-mail: whoever has the token has read the e-mail, and may join with it once."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from catacloud.accounts.models import Invitation, Membership, Organisation, Role, User
from catacloud.org_settings.events import (
    InvitationWithdrawn,
    MemberAdded,
    MemberInvited,
    record,
)
from catacloud.org_settings.members import lock

LASTS = timedelta(days=7)


class NoInvitation(Exception):
    """The token is of no invitation: it was accepted, withdrawn or renewed, or has expired."""


@transaction.atomic
def invite(*, organisation: Organisation, email: str, role: Role, by: User, now: datetime) -> str:
    """Invite an address, anew if it was before; return the token, which is kept as a digest."""
    lock(organisation)
    token = secrets.token_urlsafe(32)
    Invitation.objects.update_or_create(
        organisation=organisation,
        email=email,
        defaults={
            "role": role,
            "digest": _digest(token),
            "created_at": now,
            "expires_at": now + LASTS,
        },
    )
    record(organisation, MemberInvited(email=email, role=role), by=by, now=now)
    return token


@transaction.atomic
def withdraw(*, organisation: Organisation, invitation_id: int, by: User, now: datetime) -> None:
    """Let an invitation lead nowhere; one that is gone is no error."""
    lock(organisation)
    found = Invitation.objects.filter(organisation=organisation, pk=invitation_id).first()
    if found:
        found.delete()
        record(organisation, InvitationWithdrawn(email=found.email), by=by, now=now)


def find(token: str, *, now: datetime) -> Invitation:
    """Return the invitation that a token is of. Raises NoInvitation."""
    found = (
        Invitation.objects.select_related("organisation")
        .filter(digest=_digest(token), expires_at__gt=now)
        .first()
    )
    if found is None:
        raise NoInvitation
    return found


def knows(email: str) -> bool:
    """Say if somebody with this address can sign in already."""
    return User.objects.filter(email=email).exists()


@transaction.atomic
def accept(token: str, *, password: str | None, now: datetime) -> User:
    """Let the invited person join; return who it is. Raises NoInvitation.

    The password is that of a person who is new here. Others keep theirs.
    """
    organisation = find(token, now=now).organisation
    lock(organisation)
    invitation = find(token, now=now)  # again: of two at once, one finds it gone
    user = _person(invitation.email, password)
    _, is_new = Membership.objects.get_or_create(
        organisation=organisation, user=user, defaults={"role": invitation.role}
    )
    invitation.delete()
    if is_new:
        event = MemberAdded(email=user.email, role=invitation.role, invited=True)
        record(organisation, event, by=user, now=now)
    return user


def _person(email: str, password: str | None) -> User:
    found = User.objects.filter(email=email).first()
    if found:
        return found
    if password is None:
        raise NoInvitation  # of somebody who was there a moment ago
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password)
    except IntegrityError:  # another invitation of the same address was accepted just now
        return User.objects.get(email=email)


def is_somebody_else(user: User | AnonymousUser, invitation: Invitation) -> bool:
    """Say if a person is signed in who was not invited."""
    return isinstance(user, User) and user.email != invitation.email


def _digest(token: str) -> str:
    # A token has 256 random bits, so a slow hash would protect nothing that a fast one does not.
    return hashlib.sha256(token.encode()).hexdigest()
