"""What tells the platform's days of a month from those that were before: the database changes it.

To add up a year of all organisations takes longer than anything else that a page of it needs; who
did so for the same stamp need not do it again (querying/totals.py). It is random, not counted, so
that it says nothing twice: not after a transaction that was rolled back, nor in a database that was
restored.
"""

from django.db import models

from billing.metering.statement_triggers import noting


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

NOTED = noting("days_are", NOTE)
