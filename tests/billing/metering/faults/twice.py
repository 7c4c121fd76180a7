"""The project's Celery, but every message is sent, and so delivered, twice: `celery -A` this."""

from typing import Any

from celery import Task

from catacloud.celery import app


class Twice(Task):  # type: ignore[type-arg]
    abstract = True

    def apply_async(self, *args: Any, **options: Any) -> Any:
        super().apply_async(*args, **options)
        return super().apply_async(*args, **options)


app.task_cls = f"{__name__}:{Twice.__name__}"
