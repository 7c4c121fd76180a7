"""What tests of an organisation's usage make and read."""

import re
from datetime import date

from billing.metering.folding import saga
from billing.metering.models import Dimension, Service
from eventstore import feed
from tests.billing.metering.sending import send
from tests.factories import (
    make_plan,
    make_subscription,
)

URL = "/organisations/acme/usage/"


def make_priced(organisation, *, on=date(2026, 1, 1)):
    execution = Service.objects.get(slug="execution-time")
    plan = make_plan(prices={execution: [("100", "0.5"), (None, "0.4")]})
    return make_subscription(organisation=organisation, plan_version=plan, starts_on=on)


def measure(organisation, *events):
    """Meter execution times in seconds by region, at ten o'clock of days of November."""
    definition = Service.objects.get(slug="execution-time").definitions.get()
    Dimension.objects.get_or_create(definition=definition, name="region", path="region")
    sent = [
        (f"{n}", f"2026-11-{day}T10:00:00Z", {"seconds": seconds, "region": region})
        for n, (region, day, seconds) in enumerate(events)
    ]
    send(organisation, *sent, kind="catacloud.execution.finished")
    fold_all()


def fold_all():
    for partition in feed.partitions():
        while saga.advance(partition=partition):
            pass


def tag_in(response) -> str:
    found = re.search('data-live="&quot;([0-9a-f]+)&quot;"', response.content.decode())
    assert found
    return f'"{found[1]}"'


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u00a0", " "))
