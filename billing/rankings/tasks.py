"""Celery's doors into rankings: a task may be lost, doubled or late, and changes nothing."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from billing.rankings import upkeep
from billing.rankings.spans import Span


@shared_task
def rank_usual(**_: object) -> None:
    """Ring for the days that are asked for first in the morning."""
    for span in upkeep.usual(now=timezone.now()):
        rank.apply_async(kwargs=span.as_sent)


@shared_task
def rank(**asked: Any) -> None:
    """Rank all organisations over some days, where that is due."""
    upkeep.keep(Span.sent(**asked), now=timezone.now())


@shared_task
def renew(**asked: Any) -> None:
    """Rank those again whose usage changed."""
    upkeep.renew(Span.sent(**asked), now=timezone.now())
