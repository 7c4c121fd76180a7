"""What the real traces come to by organisation and day, worked out from the CSV alone."""

import csv
import gzip
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal


def rows(file):
    with gzip.open(file, "rt", newline="") as text:
        return list(csv.DictReader(text))


def execution_seconds(file):
    """Return the seconds of gentd26."""
    expected = defaultdict(Decimal)
    for row in rows(file):
        day = date.fromisoformat(row["gmt_create"][:10])
        expected[row["groupId"], day] += Decimal(row["exec_time_seconds"])
    return expected


def stored_byte_microseconds(file):
    """Return the byte × µs of dlrm: how long each instance existed within each day of January."""
    expected, start = defaultdict(int), datetime(2025, 1, 1, tzinfo=UTC)
    for row in rows(file):
        size = int(float(row["disk_request"])) * 2**30
        begin = round(float(row["creation_time"] or 0))
        end = round(float(row["deletion_time"] or 31 * 86_400))
        for number in range(31):
            seconds = min(end, (number + 1) * 86_400) - max(begin, number * 86_400)
            if seconds > 0:
                day = (start + timedelta(days=number)).date()
                expected[row["app_name"], day] += size * seconds * 1_000_000
    return expected
