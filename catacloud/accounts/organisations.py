"""Make organisations."""

from collections.abc import Iterable
from datetime import datetime

from django.utils.text import slugify

from catacloud.accounts.models import Organisation


def create_missing(names: Iterable[str], *, now: datetime) -> None:
    """Create the organisations that do not exist yet, each under the slug of its name."""
    Organisation.objects.bulk_create(
        [
            Organisation(slug=slugify(name), name=name, created_at=now)
            for name in sorted(set(names))
        ],
        ignore_conflicts=True,
    )
