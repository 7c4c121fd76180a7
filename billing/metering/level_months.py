"""By how much levels changed in each month: the database itself keeps it beside the days.

Where a level stood before a day is all that changed it until then. So that it takes no longer for
years that went by, months before are read as one row each, and days of the last month alone.
"""

from typing import Any

import pgtrigger
from django.db import models

from catacloud.accounts.models import Organisation


class LevelMonth(models.Model):
    """The quantities of a month's days of a level or a peak, added up."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    service = models.ForeignKey("billing.Service", on_delete=models.PROTECT, db_index=False)
    month = models.DateField(help_text="Its first day.")
    quantity = models.DecimalField(max_digits=60, decimal_places=12)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "service", "month"], name="one_level_change_per_month"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.service_id} {self.month}: {self.quantity}"


ADD = """
INSERT INTO billing_levelmonth AS known (organisation_id, service_id, month, quantity)
SELECT organisation_id, service_id, date_trunc('month', day)::date, sum(change)
FROM ({changes}) AS changed JOIN billing_service AS service ON service.id = service_id
WHERE aggregation IN ('level', 'peak')
GROUP BY 1, 2, 3 HAVING sum(change) <> 0 ORDER BY 1, 2, 3
ON CONFLICT (organisation_id, service_id, month)
    DO UPDATE SET quantity = known.quantity + excluded.quantity
"""
MORE = "SELECT organisation_id, service_id, day, quantity AS change FROM {rows}"
LESS = "SELECT organisation_id, service_id, day, -quantity AS change FROM {rows}"
FILL = ADD.format(changes=MORE.format(rows="billing_dailyusage"))


def _adding(name: str, operation: pgtrigger.Operation, changes: str, **rows: Any) -> Any:
    """Once for a statement, for the saga writes many rows with each."""
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**rows),  # type: ignore[no-untyped-call]
        func=f"{ADD.format(changes=changes).rstrip()};\nRETURN NULL;",
    )


_ADDED, _TAKEN = MORE.format(rows="touched"), LESS.format(rows="gone")
KEPT = [
    _adding("new_levels_are_added", pgtrigger.Insert, _ADDED, new="touched"),
    _adding(
        "changed_levels_are_added",
        pgtrigger.Update,
        f"{_ADDED} UNION ALL {_TAKEN}",
        new="touched",
        old="gone",
    ),
    _adding("deleted_levels_are_taken", pgtrigger.Delete, _TAKEN, old="gone"),
]
