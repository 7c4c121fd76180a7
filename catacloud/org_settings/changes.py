"""What an organisation's own settings are changed to."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from billing.invoicing.legal import BillingDetails
from billing.metering.recounting import time_zones
from catacloud.accounts.models import Organisation, User
from catacloud.org_settings.events import BillingDetailsChanged, TimeZoneChanged, record


@transaction.atomic
def change_time_zone(
    *, organisation: Organisation, time_zone: str, by: User, now: datetime
) -> None:
    """Make days and months anew in another zone. Raises AnotherRebuild while tables are rebuilt."""
    was = organisation.time_zone
    if was == time_zone:
        return
    time_zones.change(organisation, time_zone=time_zone, now=now)
    record(organisation, TimeZoneChanged(was=was, time_zone=time_zone), by=by, now=now)


@transaction.atomic
def save_billing_details(
    details: BillingDetails, *, changed: Collection[str], by: User, now: datetime
) -> None:
    """Save the details, of which those named ``changed`` are others now."""
    if changed:
        details.save()
        event = BillingDetailsChanged(fields=sorted(changed))
        record(details.organisation, event, by=by, now=now)
