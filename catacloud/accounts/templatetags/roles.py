"""What pages may offer to whom."""

from django import template
from django.contrib.auth.models import AnonymousUser

from catacloud.accounts.access import role_of
from catacloud.accounts.models import Organisation, Role, User

register = template.Library()


@register.filter
def owns(user: User | AnonymousUser, organisation: Organisation) -> bool:
    """Say if a person may do in an organisation what owners may."""
    return isinstance(user, User) and role_of(user, organisation) == Role.OWNER
