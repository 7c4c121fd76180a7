"""Since when usage of a month stands as it does: the database itself notes each change of its days.

A period that was invoiced need not be rated again to know that it comes to the same. Changes are
noted by the saga's positions: nobody who read usage folded up to a position before that of a change
can have seen it, whoever has folded it stands at that position at least. What is noted too high,
for partitions are not all at one position, is only looked at once more.
"""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from django.db import connection, models

from billing.metering.statement_triggers import noting
from catacloud.accounts.models import Organisation


class UsageChange(models.Model):
    """The last change of an organisation's usage on the days of a month.

    ``level_position`` is that of the last one which moves all later months too.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    month = models.DateField(help_text="Its first day.")
    position = models.BigIntegerField()
    level_position = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "month"], name="one_usage_change_per_month"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.month}: {self.position}"


def note(organisation: UUID, months: Collection[date]) -> None:
    """Let the periods that lie in months be looked at again, as if their usage had changed."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE.format(changed=MONTHS), [organisation, list(months)])


def note_everyone() -> None:
    """Let all periods be looked at again."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE billing_usagechange SET position = {AHEAD}")  # noqa: S608 (constants)


# What is folded next stands above all that was read until now.
AHEAD = """(
    SELECT coalesce(max(position), 0) + 1 FROM eventstore_checkpoint WHERE consumer = 'metrics'
)"""
NOTE = f"""
INSERT INTO billing_usagechange AS known (organisation_id, month, position, level_position)
SELECT organisation_id, month, now.position, CASE WHEN of_level THEN now.position END
FROM ({{changed}}) AS changed CROSS JOIN {AHEAD} AS now (position)
ORDER BY organisation_id, month
ON CONFLICT (organisation_id, month) DO UPDATE SET
    position = greatest(known.position, excluded.position),
    level_position = greatest(known.level_position, excluded.level_position)
WHERE known.position < excluded.position
    OR coalesce(known.level_position, -1) < excluded.level_position
"""  # noqa: S608 (constants only)
MONTHS = "SELECT %s::uuid AS organisation_id, unnest(%s::date[]) AS month, false AS of_level"
DAYS = """
    SELECT organisation_id, date_trunc('month', day)::date AS month,
        bool_or(aggregation IN ('level', 'peak')) AS of_level
    FROM {rows} AS changed JOIN billing_service AS service ON service.id = service_id
    GROUP BY 1, 2
"""

NOTED = noting("usage_is", NOTE.format(changed=DAYS.format(rows="touched")))
