"""Make, find and check the keys of programs. A key is shown once; only its digest is kept."""

import hashlib
import secrets
from datetime import datetime

from django.http import HttpRequest
from ninja.security import HttpBearer

from catacloud.accounts.models import ApiKey, Organisation

PREFIX_LENGTH = 8


def create_api_key(*, organisation: Organisation | None, name: str, now: datetime) -> str:
    """Return a new key of ``organisation``, or of the platform. It can never be read again."""
    prefix = secrets.token_hex(PREFIX_LENGTH // 2)
    key = f"cck_{prefix}_{secrets.token_urlsafe(24)}"
    ApiKey.objects.create(
        organisation=organisation, name=name, prefix=prefix, digest=_digest(key), created_at=now
    )
    return key


def find_api_key(key: str) -> ApiKey | None:
    """Return the key that stands for ``key`` and is not revoked, with its organisation."""
    prefix = key.removeprefix("cck_")[:PREFIX_LENGTH]
    found = (
        ApiKey.objects.select_related("organisation")
        .filter(prefix=prefix, revoked_at__isnull=True)
        .first()
    )
    if found is None or not secrets.compare_digest(found.digest, _digest(key)):
        return None
    return found


class KeyRequest(HttpRequest):
    """A request with a valid API key."""

    auth: ApiKey


class ApiKeyAuth(HttpBearer):
    """``Authorization: Bearer cck_…``; the key is then ``request.auth``."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        return find_api_key(token)


def _digest(key: str) -> str:
    # A key has 192 random bits, so a slow hash would protect nothing that a fast one does not.
    return hashlib.sha256(key.encode()).hexdigest()
