"""What pages may offer to whom."""

from django import template
from django.contrib.auth.models import AnonymousUser

from catacloud.accounts.models import Organisation, Role, User

register = template.Library()


@register.filter
def owns(user: User | AnonymousUser, organisation: Organisation) -> bool:
    """Say if a person may do what owners may in an organisation that access.py got for them."""
    is_operator = isinstance(user, User) and user.is_staff
    return is_operator or getattr(organisation, "own_role", None) == Role.OWNER
