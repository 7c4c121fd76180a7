"""The collection as a task: beat sends it, and a deletion that wants its space back soon."""

from celery import shared_task
from django.utils import timezone

from uploads import collecting


@shared_task
def collect() -> None:
    collecting.collect(now=timezone.now())
