"""The e-mails that settings send. Whether they arrive nobody knows; that they were taken, we do."""

from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils.translation import gettext, override

from catacloud.accounts.models import Organisation, User
from catacloud.org_settings.invitations import LASTS


def send_invitation(email: str, *, organisation: Organisation, by: User, link: str) -> None:
    """Send the link with the token. Raises OSError where the mail server does not take it.

    It is in English: who has no account has not chosen a language.
    """
    with override("en"):
        _send("invitation", email, organisation, by=by, link=link, days=LASTS.days)


def send_welcome(user: User, *, organisation: Organisation, by: User, link: str) -> None:
    """Tell somebody who has an account that they belong to the organisation. Raises OSError."""
    with override(user.language or "en"):
        _send("added", user.email, organisation, by=by, link=link)


def _send(name: str, email: str, organisation: Organisation, **context: object) -> None:
    called = " ".join(organisation.name.split())  # a header is one line
    text = render_to_string(f"accounts/mail/{name}.txt", {"organisation": called, **context})
    send_mail(gettext("%(name)s on Catacloud") % {"name": called}, text, None, [email])
