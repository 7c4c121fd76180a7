"""By how much levels changed in each month: the database itself keeps it beside the days.

Where a level stood before a day is all that changed it until then. So that it takes no longer for
years that went by, months before are read as one row each, and days of the last month alone.
"""

import pgtrigger
from django.db import models

from billing.metering.statement_triggers import after
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


_ADDED, _TAKEN = MORE.format(rows="touched"), LESS.format(rows="gone")
_MORE, _LESS = ADD.format(changes=_ADDED), ADD.format(changes=_TAKEN)
_BOTH = ADD.format(changes=f"{_ADDED} UNION ALL {_TAKEN}")
KEPT = [
    after("new_levels_are_added", pgtrigger.Insert, _MORE, new="touched"),
    after("changed_levels_are_added", pgtrigger.Update, _BOTH, new="touched", old="gone"),
    after("deleted_levels_are_taken", pgtrigger.Delete, _LESS, old="gone"),
]
