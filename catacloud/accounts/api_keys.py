"""Make, find and check the keys of programs. A key is shown once; only its digest is kept."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer
from psycopg.pq import Format

from catacloud.accounts.models import ApiKey, Organisation

PREFIX_LENGTH = 8
COARSE = timedelta(minutes=1)  # how far behind it may be when a key was last used


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
    row = _find(prefix)
    found = _made_of(row) if row else None
    if found is None or not secrets.compare_digest(found.digest, _digest(key)):
        return None
    return found


def _find(prefix: str) -> Sequence[Any] | None:
    """Return the row of a key, by a statement that the server has prepared.

    Every request of a program asks this: through a cursor of Django's, which the server plans anew
    each time, it took three times as long on either side.
    """
    with connection.wrap_database_errors:
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        cursor = psycopg.Cursor(connection.connection)
        cursor.format = Format.BINARY
        row: Sequence[Any] | None = cursor.execute(_find_sql(), [prefix]).fetchone()
    return row


@cache
def _find_sql() -> str:
    """Written once: Django would do so at each request, which takes a fifth of its time."""
    columns = [
        f'{table}."{field.column}"'
        for table, model in (("key", ApiKey), ("owner", Organisation))
        for field in model._meta.concrete_fields
    ]
    return (
        f"SELECT {', '.join(columns)} FROM accounts_apikey AS key "  # noqa: S608 (constants only)
        "LEFT JOIN accounts_organisation AS owner ON owner.id = key.organisation_id "
        "WHERE prefix = %s AND revoked_at IS NULL"
    )


def _made_of(row: Sequence[Any]) -> ApiKey:
    names = [field.attname for field in ApiKey._meta.concrete_fields]
    of_owner = [field.attname for field in Organisation._meta.concrete_fields]
    key = ApiKey.from_db(DEFAULT_DB_ALIAS, names, row[: len(names)])
    if key.organisation_id is not None:
        key.organisation = Organisation.from_db(DEFAULT_DB_ALIAS, of_owner, row[len(names) :])
    return key


def authenticate(key: str, *, now: datetime) -> ApiKey | None:
    """Return the key as :func:`find_api_key` does, and note that it was used."""
    found = find_api_key(key)
    if found and (found.last_used_at is None or now - found.last_used_at >= COARSE):
        with connection.cursor() as cursor:
            cursor.execute(NOTE_USE, {"key": found.pk, "now": now, "before": now - COARSE})
    return found


# Once a minute for each key, and nobody waits: one of the requests that come at once writes it.
NOTE_USE = """
UPDATE accounts_apikey SET last_used_at = %(now)s WHERE id = (
    SELECT id FROM accounts_apikey
    WHERE id = %(key)s AND (last_used_at IS NULL OR last_used_at <= %(before)s)
    FOR NO KEY UPDATE SKIP LOCKED
)
"""


class KeyRequest(HttpRequest):
    """A request with a valid API key."""

    auth: ApiKey


class ApiKeyAuth(HttpBearer):
    """``Authorization: Bearer cck_…``; the key is then ``request.auth``."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        return authenticate(token, now=timezone.now())


def _digest(key: str) -> str:
    # A key has 192 random bits, so a slow hash would protect nothing that a fast one does not.
    return hashlib.sha256(key.encode()).hexdigest()
