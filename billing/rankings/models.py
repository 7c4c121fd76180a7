"""All organisations by what they used over some days: made beside the saga, read by the overview.

To sort organisations by a figure takes the figures of all of them, however few are shown. So they
are added up and priced beforehand, and kept with an index for each order. All of it can be deleted
at any time, and is made again.
"""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce, Now, NullIf
from django.db.models.indexes import Index

from catacloud.accounts.models import Organisation

FIGURES = ("gb_hours", "stored", "execution", "cost")


def _number(**options: Any) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(max_digits=60, decimal_places=12, default=0, **options)


def _difference(figure: str) -> models.GeneratedField:
    now, before = models.F(f"{figure}_compared"), models.F(f"{figure}_before")
    return models.GeneratedField(expression=now - before, output_field=_number(), db_persist=True)


def _percent(figure: str) -> models.GeneratedField:
    """Of nothing there is no percentage: it counts as no change."""
    now, before = models.F(f"{figure}_compared"), models.F(f"{figure}_before")
    share = Value(100) * (now - before) / NullIf(before, Value(0, _number()))
    return models.GeneratedField(
        expression=Coalesce(share, Value(0, _number()), output_field=_number()),
        output_field=_number(),
        db_persist=True,
    )


class Ranking(models.Model):
    """One making of it, for days and those that they are compared with: see spans.py.

    ``costs`` is a list of {"currency", "cost", "compared", "before"}, numbers as decimal strings.
    ``opening`` is where the platform's storage stood before the first of all these days, in bytes.
    ``invoices_all`` counts the invoices of the month before, the final ones and those to come.
    """

    first = models.DateField()
    end = models.DateField()
    before = models.DateField()
    compared_days = models.PositiveIntegerField()
    as_of = models.DateTimeField(help_text="All that was folded up to then is in it.")
    made_at = models.DateTimeField(db_default=Now(), help_text="What is stored adds up to then.")
    took = models.DurationField(null=True, help_text="Of one that is not whole yet: nothing.")
    renewal = models.DurationField(
        default=timedelta(), db_default=timedelta(), help_text="How long the last one took."
    )
    seen = models.JSONField(default=dict, db_default={})  # see changes.py
    organisations = models.PositiveIntegerField(default=0)
    unpriced = models.PositiveIntegerField(default=0)
    costs = models.JSONField(default=list)
    opening = _number()
    invoices_final = models.PositiveIntegerField(default=0)
    invoices_all = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            Index(
                fields=["first", "end", "before", "compared_days", "-id"],
                condition=Q(took__isnull=False),
                name="ranking_newest_of_span",
            )
        ]

    def __str__(self) -> str:
        return f"{self.first} to before {self.end}, as of {self.as_of}"

    @property
    def currency(self) -> str:
        """The currency of most of the costs; empty where there are none."""
        return str(self.costs[0]["currency"]) if self.costs else ""


class RankedOrganisation(models.Model):
    """What one organisation used, in the units that are shown, and owes for it in ``currency``.

    ``…_compared`` and ``…_before`` are of the days that are compared. ``opening`` is where its
    storage stood before the first day, in bytes. Without a price plan ``currency`` is empty.
    """

    ranking = models.ForeignKey(Ranking, on_delete=models.CASCADE, db_index=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, db_index=False)
    name = models.CharField(max_length=200, help_text="In small letters, to sort by.")
    plan = models.CharField(max_length=200, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    opening = _number()

    gb_hours = _number()
    gb_hours_compared = _number()
    gb_hours_before = _number()
    gb_hours_difference = _difference("gb_hours")
    gb_hours_percent = _percent("gb_hours")

    stored = _number()
    stored_compared = _number()
    stored_before = _number()
    stored_difference = _difference("stored")
    stored_percent = _percent("stored")

    execution = _number()
    execution_compared = _number()
    execution_before = _number()
    execution_difference = _difference("execution")
    execution_percent = _percent("execution")

    cost = _number()
    cost_compared = _number()
    cost_before = _number()
    cost_difference = _difference("cost")
    cost_percent = _percent("cost")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ranking", "name", "organisation"], name="an_organisation_is_ranked_once"
            )
        ]
        indexes = [
            Index(fields=["ranking", f"-{figure}{of}", "name"], name=f"ranked_{figure}{of}")
            for figure in FIGURES
            for of in ("", "_difference", "_percent")
            if (figure, of) != ("cost", "_difference")
        ] + [
            Index(fields=["ranking", "currency", f"-cost{of}", "name"], name=f"ranked_money{of}")
            for of in ("", "_difference")
        ]

    def __str__(self) -> str:
        return f"{self.name} in {self.ranking_id}"
