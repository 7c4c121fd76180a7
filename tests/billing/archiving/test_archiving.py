"""Archiving as a whole: by the command, and however often it is killed."""

import os
import random
import signal
import time
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from billing.archiving.models import UsageArchive
from eventstore.models import Archive
from tests.billing.archiving.usage import (
    all_is_well,
    events,
    make_tokens,
    tables,
    use,
)
from tests.forked import Forked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shelf_root")]


# In files of two events each, so that kills fall between and into all steps.
RUN = """
import django
django.setup()
from billing.archiving import dropping, writing
from catacloud.accounts.models import Organisation
from tests.billing.archiving.usage import archive_and_drop
writing.EVENTS = 2
archive_and_drop(Organisation.objects.get(slug="acme"))
"""


def test_kills_at_any_point_lose_nothing(acme, shelf_root):
    make_tokens()
    use(acme, range(-40, 6))
    before, dice = tables(), random.Random(7)
    name = connection.settings_dict["NAME"]
    url = urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl()
    environment = os.environ | {"DATABASE_URL": url, "ARCHIVE_ROOT": str(shelf_root)}
    for _ in range(2):
        with Forked("-c", RUN, environment=environment) as process:
            started = UsageArchive.objects.count(), Archive.objects.count()
            deadline = time.monotonic() + 60
            while (UsageArchive.objects.count(), Archive.objects.count()) == started:
                if process.poll() is not None:
                    break
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(dice.random() / 5)
            process.send_signal(signal.SIGKILL)
        assert all_is_well()
    with Forked("-c", RUN, environment=environment) as process:
        assert process.wait() == 0
    archived = UsageArchive.objects.exclude(dropped_at=None)
    assert sum(archived.values_list("event_count", flat=True)) == 46 - len(
        [one for one in events(acme).values() if "$archived" not in one]
    )
    assert UsageArchive.objects.filter(dropped_at=None).count() == 0
    assert tables() == before
    assert all_is_well()


def test_the_command_writes_and_drops_only_if_it_is_told_to(used):
    out = StringIO()
    call_command("archive_usage", "--after-days=7", "--organisation=acme", stdout=out)
    assert "; dropped the payloads of 0." in out.getvalue()
    call_command("archive_usage", "--after-days=7", "--drop", stdout=(out := StringIO()))
    assert "dropped the payloads of 0." not in out.getvalue()
    assert not UsageArchive.objects.filter(dropped_at=None).exists()
    with pytest.raises(CommandError, match="how long a month has to be closed"):
        call_command("archive_usage")
    with pytest.raises(CommandError, match="There is no organisation 'nobody'"):
        call_command("archive_usage", "--organisation=nobody", "--after-days=7")
