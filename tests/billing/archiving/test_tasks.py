"""What beat rings for, and what a worker then does."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded

from billing.archiving import tasks, writing
from billing.archiving.models import UsageArchive
from tests.billing.archiving.usage import NOW, make_tokens, use

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rung(monkeypatch):
    """The organisations that tasks were sent for."""
    sent = []
    monkeypatch.setattr(
        tasks.archive_organisation, "delay", lambda *, organisation_id: sent.append(organisation_id)
    )
    return sent


def test_rings_for_every_organisation_if_a_setting_says_when(acme, rung, settings):
    tasks.archive()
    tasks.archive_organisation(organisation_id=str(uuid4()))  # was sent before it was unset
    assert rung == []
    settings.ARCHIVE_USAGE_AFTER_DAYS = 7
    tasks.archive()
    assert rung == [str(acme.id)]


def test_drops_payloads_only_if_another_setting_says_so(acme, settings, shelf_root):
    settings.ARCHIVE_USAGE_AFTER_DAYS = 7
    make_tokens()
    use(acme)
    with time_machine.travel(NOW, tick=False):
        tasks.archive_organisation(organisation_id=str(acme.id))
        assert UsageArchive.objects.filter(dropped_at=None).count() == 2
        settings.DROP_ARCHIVED_PAYLOADS = True
        tasks.archive_organisation(organisation_id=str(acme.id))
    assert UsageArchive.objects.exclude(dropped_at=None).count() == 2


def test_another_task_goes_on_where_the_time_was_too_short(acme, rung, settings, monkeypatch):
    settings.ARCHIVE_USAGE_AFTER_DAYS = 7

    def be_late(*args: object, **kwargs: timedelta) -> int:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(writing, "archive", be_late)
    tasks.archive_organisation(organisation_id=str(acme.id))
    assert rung == [str(acme.id)]
