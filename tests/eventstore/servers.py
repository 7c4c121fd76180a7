"""What tests of several processes and sessions share: their environment, and patience."""

import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection


def elsewhere() -> dict[str, str]:
    """Return the environment of a process that works on the test's database."""
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    return os.environ | {
        "DATABASE_URL": database.geturl(),
        "DJANGO_SETTINGS_MODULE": "catacloud.settings",
    }


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until the condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"It did not happen within {seconds} s.")
        time.sleep(0.01)
