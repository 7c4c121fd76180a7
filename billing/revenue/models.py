"""What days brought in: of each organisation, and of all together. Made beside the saga.

A day's revenue is what the organisation's own page shows as its cost: the day's share of the bill
of the billing period that it is in (day_costs.py), whatever that period is, before fees, discounts,
credit and tax. So the days of a period add up to what its invoice has for usage; what comes late is
of the day on which it was used.

The platform has no billing period: those of its organisations are months, quarters or years, from
any day on. "Period" on the overview is the days that are asked for, this calendar month unless
somebody asks for others, and its revenue the sum of these days of all organisations.

All of it can be deleted at any time, and is worked out again.
"""

from datetime import date, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from billing.metering.models import Service
from billing.periods import Days
from catacloud.accounts.models import Organisation


def _amount() -> "models.DecimalField[Any, Any]":
    return models.DecimalField(max_digits=60, decimal_places=12)


class PeriodRevenue(models.Model):
    """What each day of an organisation's billing period brought in, as far as it has passed.

    ``amounts`` are those of the days from ``first`` on; ``services`` tells them apart: {service id:
    amounts}, as decimal strings. Without a price plan ``currency`` is empty, and there are none.
    ``agreed`` is a digest of what priced it: see agreed.py.
    """

    pk = models.CompositePrimaryKey("organisation_id", "first")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, db_index=False)
    first = models.DateField()
    end = models.DateField()
    currency = models.CharField(max_length=3, blank=True)
    amounts = ArrayField(_amount(), default=list)
    services = models.JSONField(default=dict)
    agreed = models.BigIntegerField()
    is_over = models.BooleanField(help_text="All its days are: only late events change it.")

    def __str__(self) -> str:
        return f"{self.organisation_id} from {self.first} to before {self.end}"

    @property
    def days(self) -> Days:
        return Days(self.first, self.end)


class DayRevenue(models.Model):
    """What a day brought in by a service, of all organisations that pay in a currency: the sum of
    what PeriodRevenue has, which changes with it.
    """

    pk = models.CompositePrimaryKey("day", "currency", "service_id")
    day = models.DateField()
    currency = models.CharField(max_length=3)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, db_index=False)
    amount = _amount()

    def __str__(self) -> str:
        return f"{self.day}: {self.amount} {self.currency}"


class RevenueUpkeep(models.Model):
    """How far it is worked out: see keeping.py. There is one, or none before the first.

    Days from ``known_from`` on are those of all organisations, up to that of ``as_of``, when what
    periods that are not over came to was worked out the last time. ``month`` is what is worked out
    now, of organisations after ``after``; None where nothing is left. ``seen`` is up to where usage
    was folded when whose usage changed was worked out again, at ``renewed_at``.
    """

    known_from = models.DateField(null=True)
    as_of = models.DateTimeField()
    took = models.DurationField(default=timedelta())
    month = models.DateField(null=True)
    after = models.UUIDField(null=True)
    seen = models.JSONField(default=dict)
    renewed_at = models.DateTimeField()
    renewal = models.DurationField(default=timedelta())

    def __str__(self) -> str:
        return f"from {self.known_from}, as of {self.as_of}"

    @property
    def since(self) -> date:
        """The first day of which anything is worked out."""
        known = self.known_from or self.as_of.date()
        return min(self.month, known) if self.month else known
