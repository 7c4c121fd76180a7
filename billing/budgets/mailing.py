"""Tell those who chose so by e-mail that a budget's thresholds were reached, each once."""

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import get_language, gettext, override

from billing.budgets.models import BudgetAlert, Threshold
from catacloud.accounts.emails import recipients
from catacloud.accounts.models import EmailKind, Organisation
from catacloud.accounts.stopping import is_stopped


def send(organisation: Organisation, *, now: datetime) -> int:
    """Send what was not sent yet; return to how many people. Raises OSError: try again later.

    What was reached at once comes in one e-mail, to each in the language that they chose. A crash
    right after sending sends it once more, under the same message id.
    """
    with transaction.atomic():
        unsent = BudgetAlert.objects.select_for_update(no_key=True).filter(
            organisation=organisation, sent_at=None
        )
        alerts = list(unsent)
        if not alerts:
            return 0
        people = list(recipients(organisation, EmailKind.BUDGETS))
        for language, _ in settings.LANGUAGES:
            addresses = [one.email for one in people if (one.language or "en") == language]
            if addresses:
                with override(language):
                    _message(organisation, alerts, addresses, now).send()
        unsent.update(sent_at=now)
    return len(people)


def _message(
    organisation: Organisation, alerts: list[BudgetAlert], addresses: list[str], now: datetime
) -> EmailMessage:
    """Return the e-mail to people of one language, which is the active one."""
    called = " ".join(organisation.name.split())  # a header is one line
    newest = alerts[-1]
    text = render_to_string(
        "billing/mail/budget.txt",
        {
            "organisation": organisation,
            "called": called,
            "alerts": alerts,
            "is_stopped": is_stopped(organisation, now=now),
        },
    )
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    return EmailMessage(
        subject=_subject(called, newest),
        body=text,
        bcc=addresses,  # nobody is told of the others
        headers={"Message-ID": f"<budget-{newest.pk}-{get_language()}@{domain}>"},
    )


def _subject(called: str, newest: BudgetAlert) -> str:
    if newest.threshold == Threshold.FORECAST:
        return gettext("%(name)s: the budget may be exceeded") % {"name": called}
    values = {"name": called, "share": newest.threshold}
    return gettext("%(name)s: %(share)s %% of the budget is reached") % values
