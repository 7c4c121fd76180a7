"""Who is written to about what: as each member chose, else by role."""

from collections.abc import Collection

from django.db.models import Q, QuerySet

from catacloud.accounts.models import EmailKind, Membership, Organisation, Role, User

BY_ROLE: dict[str, Collection[EmailKind]] = {
    Role.OWNER: [EmailKind.INVOICES, EmailKind.BUDGETS],
    Role.BILLING: [EmailKind.INVOICES, EmailKind.BUDGETS],
    Role.MEMBER: [],
}


def wanted(membership: Membership) -> Collection[str]:
    """Return the kinds of e-mails that a member gets."""
    return BY_ROLE[membership.role] if membership.emails is None else membership.emails


def recipients(organisation: Organisation, kind: EmailKind) -> QuerySet[User]:
    """Return the active members who want e-mails of a kind about an organisation."""
    by_role = [role for role, kinds in BY_ROLE.items() if kind in kinds]
    memberships = Membership.objects.filter(organisation=organisation).filter(
        Q(emails__contains=[kind]) | Q(emails=None, role__in=by_role)
    )
    return User.objects.filter(is_active=True, membership__in=memberships).order_by("email")
