"""Tell those who chose so by e-mail that a budget's thresholds were reached, each once."""

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string

from billing.budgets.models import BudgetAlert, Threshold
from catacloud.accounts.emails import recipients
from catacloud.accounts.models import EmailKind, Organisation
from catacloud.accounts.stopping import is_stopped


def send(organisation: Organisation, *, now: datetime) -> int:
    """Send what was not sent yet; return to how many people. Raises OSError: try again later.

    What was reached at once comes in one e-mail. A crash right after sending sends it once more,
    under the same message id.
    """
    with transaction.atomic():
        unsent = BudgetAlert.objects.select_for_update(no_key=True).filter(
            organisation=organisation, sent_at=None
        )
        alerts = list(unsent)
        if not alerts:
            return 0
        addresses = list(
            recipients(organisation, EmailKind.BUDGETS).values_list("email", flat=True)
        )
        if addresses:
            _message(organisation, alerts, addresses, now).send()
        unsent.update(sent_at=now)
    return len(addresses)


def _message(
    organisation: Organisation, alerts: list[BudgetAlert], addresses: list[str], now: datetime
) -> EmailMessage:
    called = " ".join(organisation.name.split())  # a header is one line
    newest = alerts[-1]
    about = "may be exceeded" if newest.threshold == Threshold.FORECAST else "is reached"
    share = "" if newest.threshold == Threshold.FORECAST else f"{newest.threshold} % of "
    text = render_to_string(
        "billing/mail/budget.txt",
        {
            "organisation": organisation,
            "called": called,
            "alerts": alerts,
            "alert": newest,
            "is_stopped": is_stopped(organisation, now=now),
        },
    )
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    return EmailMessage(
        subject=f"{called}: {share}the budget {about}",
        body=text,
        bcc=addresses,  # nobody is told of the others
        headers={"Message-ID": f"<budget-{newest.pk}@{domain}>"},
    )
