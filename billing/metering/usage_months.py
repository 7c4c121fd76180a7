"""What organisations used in months that are over: added up once, and kept beside the days.

A year of days is twelve rows then. Nobody keeps them while usage is folded: whoever wants months
adds those up that are not kept (querying/months.py), and the notes of what changed (changed.py) say
which of them count no more. All of it can be deleted at any time, and is made again.
"""

from django.db import models

from catacloud.accounts.models import Organisation


class UsageMonth(models.Model):
    """A month of an organisation's days, as if no level had stood before it.

    ``figures`` is {service id: [figure, level]} as PeriodFigure has them, as decimal strings. They
    are of usage that was folded up to the position ``seen`` at least, by days of ``time_zone``:
    after a later change of the month, or in another zone, they are worth nothing.
    """

    pk = models.CompositePrimaryKey("organisation_id", "month")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, db_index=False)
    month = models.DateField(help_text="Its first day.")
    time_zone = models.CharField(max_length=64)
    seen = models.BigIntegerField()
    figures = models.JSONField()

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.month}"


# Said of rows of it, by who reads it together with the organisations' own rows.
HOLDS = """
known.time_zone = organisation.time_zone AND NOT EXISTS (
    SELECT FROM billing_usagechange AS change
    WHERE change.organisation_id = known.organisation_id AND change.month = known.month
        AND change.position > known.seen
)
"""
