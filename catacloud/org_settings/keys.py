"""An organisation's API keys: made and revoked by its owners."""

from datetime import datetime

from django.db import transaction

from catacloud.accounts.api_keys import PREFIX_LENGTH, create_api_key
from catacloud.accounts.models import ApiKey, Organisation, User
from catacloud.org_settings.events import KeyMade, KeyRevoked, record


@transaction.atomic
def make(*, organisation: Organisation, name: str, by: User, now: datetime) -> str:
    """Return a new key, which can never be read again."""
    key = create_api_key(organisation=organisation, name=name, now=now)
    prefix = key.removeprefix("cck_")[:PREFIX_LENGTH]
    record(organisation, KeyMade(prefix=prefix, name=name), by=by, now=now)
    return key


@transaction.atomic
def revoke(*, organisation: Organisation, prefix: str, by: User, now: datetime) -> ApiKey | None:
    """Let no program use a key any more; return it, or None where it was revoked before."""
    keys = ApiKey.objects.filter(organisation=organisation, prefix=prefix, revoked_at=None)
    found = keys.select_for_update().first()
    if found is None:
        return None
    found.revoked_at = now
    found.save(update_fields=["revoked_at"])
    record(organisation, KeyRevoked(prefix=prefix, name=found.name), by=by, now=now)
    return found
