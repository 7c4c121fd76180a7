"""Which time zones the organisations of some events are in: their days and slots follow them."""

from collections.abc import Collection
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from billing.metering.folding.readings import WINDOW
from billing.periods import Zones
from catacloud.accounts.models import Organisation
from eventstore.feed import Window


def of_window(window: Window) -> Zones:
    """Return the zones of the organisations that a window's events belong to.

    Asked under the checkpoint's lock, which a change of zone takes as well: they stay until the
    window is folded.
    """
    with connection.cursor() as cursor:
        cursor.execute(OF_WINDOW, window.bounds)
        return Zones({owner: ZoneInfo(name) for owner, name in cursor})


def of(organisations: Collection[UUID]) -> Zones:
    rows = Organisation.objects.filter(pk__in=organisations).exclude(time_zone="UTC")
    return Zones({one: ZoneInfo(name) for one, name in rows.values_list("pk", "time_zone")})


OF_WINDOW = f"""
SELECT id, time_zone FROM accounts_organisation
WHERE time_zone <> 'UTC' AND id IN (
    SELECT tenant_id FROM {WINDOW}
)
"""  # noqa: S608 (constants only)
