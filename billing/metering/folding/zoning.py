"""Which time zones the organisations of some events are in: their days and slots follow them."""

from collections.abc import Collection
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet

from billing.metering.folding.readings import WINDOW
from billing.periods import Zones
from billing.prepared import Slot, any_of, prepared
from billing.together import Reading, read
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
    return read(reading(organisations))


def reading(organisations: Collection[UUID]) -> Reading[Zones]:
    """Read what :func:`of` returns."""
    [rows] = yield [_elsewhere(owners=list(organisations))]
    return Zones({one: ZoneInfo(name) for one, name in rows})


@prepared
def _elsewhere(owners: Slot) -> QuerySet[Organisation, tuple[UUID, str]]:
    found = Organisation.objects.order_by().filter(pk=any_of(owners)).exclude(time_zone="UTC")
    return found.values_list("pk", "time_zone")


OF_WINDOW = f"""
SELECT id, time_zone FROM accounts_organisation
WHERE time_zone <> 'UTC' AND id IN (
    SELECT tenant_id FROM {WINDOW}
)
"""  # noqa: S608 (constants only)
