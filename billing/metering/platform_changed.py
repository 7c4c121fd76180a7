"""What tells the platform's days of a month from those that were before: the database changes it.

To add up a year of all organisations takes longer than anything else that a page of it needs; who
did so for the same stamp need not do it again (querying/totals.py). It is random, not counted, so
that it says nothing twice: not after a transaction that was rolled back, nor in a database that was
restored.
"""

import pgtrigger
from django.db import models


class PlatformChange(models.Model):
    """The last change of a partition's part in a month of the platform's days.

    By partition, so that workers of different partitions never wait for each other.
    """

    pk = models.CompositePrimaryKey("month", "partition")
    month = models.DateField(help_text="Its first day.")
    partition = models.SmallIntegerField()
    stamp = models.UUIDField()

    def __str__(self) -> str:
        return f"{self.month} {self.partition}: {self.stamp}"


NOTE = """
INSERT INTO billing_platformchange AS known (month, partition, stamp)
SELECT month, partition, gen_random_uuid()
FROM (
    SELECT DISTINCT date_trunc('month', day)::date AS month, partition FROM touched
) AS changed
ORDER BY month, partition
ON CONFLICT (month, partition) DO UPDATE SET stamp = excluded.stamp
"""


def _noting(name: str, operation: pgtrigger.Operation, rows: str) -> pgtrigger.Trigger:
    """Once for a statement, for the saga writes many rows with each."""
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**{rows: "touched"}),  # type: ignore[no-untyped-call]
        func=f"{NOTE.rstrip()};\nRETURN NULL;",
    )


NOTED = [
    _noting("new_days_are_noted", pgtrigger.Insert, "new"),
    _noting("changed_days_are_noted", pgtrigger.Update, "new"),
    _noting("deleted_days_are_noted", pgtrigger.Delete, "old"),
]
