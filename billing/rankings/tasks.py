"""Celery's doors into rankings: a task may be lost, doubled or late, and changes nothing."""

from datetime import date
from typing import Any

from celery import shared_task
from django.utils import timezone

from billing.rankings import upkeep
from billing.rankings.spans import Span


@shared_task
def rank_usual(**_: object) -> None:
    """Ring for the days that are asked for first in the morning."""
    for span in upkeep.usual(now=timezone.now()):
        rank.apply_async(kwargs=upkeep.as_arguments(span))


@shared_task
def rank(**asked: Any) -> None:
    """Rank all organisations over some days, where that is due."""
    upkeep.keep(_span(**asked), now=timezone.now())


@shared_task
def renew(**asked: Any) -> None:
    """Rank those again whose usage changed."""
    upkeep.renew(_span(**asked), now=timezone.now())


def _span(*, first: str, end: str, before: str, compared_days: int, **_: object) -> Span:
    return Span(
        first=date.fromisoformat(first),
        end=date.fromisoformat(end),
        before=date.fromisoformat(before),
        compared_days=compared_days,
    )
