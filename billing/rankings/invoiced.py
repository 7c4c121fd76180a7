"""How many invoices of the month before are final, and how many are still to come."""

from datetime import datetime, timedelta

from billing.invoicing.closing.due import due_periods
from billing.invoicing.models import Invoice
from billing.periods import day_of, month_of
from billing.periods import month_before as before


def month_before(now: datetime) -> tuple[int, int]:
    """Return the counts for periods that ended with the month before, or in it."""
    month = before(month_of(day_of(now)))
    final = Invoice.objects.filter(
        voided_at=None, ends_on__gt=month.first, ends_on__lte=month.end
    ).count()
    due = due_periods(now=now, grace=timedelta(0))
    return final, sum(month.first < one.days.end <= month.end for one in due)
