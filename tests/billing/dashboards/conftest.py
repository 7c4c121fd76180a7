from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FRAGMENT = {"HX-Request": "true", "HX-Target": "content"}
TABLE = {"HX-Request": "true", "HX-Target": "organisations"}
RESTORE = {**FRAGMENT, "HX-History-Restore-Request": "true"}


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield
