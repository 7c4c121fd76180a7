"""What ``manage.py migrate`` says of a database that may lose what it has acknowledged."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

NEEDED = ["fsync", "synchronous_commit", "full_page_writes"]


@register(Tags.database)
def keeps_what_it_takes(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of settings that make a 204 to who sent usage a promise that a crash may break."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            cursor.execute(OFF, [NEEDED])
            for [name] in cursor:
                found.append(
                    Warning(
                        f"PostgreSQL has {name} off: a crash of its machine may lose usage that "
                        "was answered as taken.",
                        hint=f"Turn {name} on, for the server and for this user and database.",
                        obj=alias,
                        id="catacloud.W001",
                    )
                )
    return found


OFF = "SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = 'off' ORDER BY name"
