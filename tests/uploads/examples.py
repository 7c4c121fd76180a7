from datetime import UTC, datetime, timedelta
from io import BytesIO

from uploads import files

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def add(organisation, content: bytes, *, name="file.bin", now=NOON, **more):
    """Add a file and return its id."""
    return files.add(
        organisation=organisation,
        name=name,
        content=BytesIO(content),
        size=len(content),
        now=now,
        **more,
    )
