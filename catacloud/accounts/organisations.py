"""Make organisations, and find those that a key speaks for."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.text import slugify

from catacloud.accounts.models import ApiKey, Organisation


def create_missing(names: Iterable[str], *, now: datetime) -> None:
    """Create the organisations that do not exist yet, each under the slug of its name."""
    Organisation.objects.bulk_create(
        [
            Organisation(slug=slugify(name), name=name, created_at=now)
            for name in sorted(set(names))
        ],
        ignore_conflicts=True,
    )


def visible(key: ApiKey) -> QuerySet[Organisation]:
    """Return the organisations that a key speaks for: its own, or all."""
    if key.organisation is None:
        return Organisation.objects.all()
    return Organisation.objects.filter(pk=key.organisation.pk)


def called(name: str, *, key: ApiKey) -> Organisation | None:
    """Return the organisation of a slug, else of an external key, if the key speaks for it."""
    if "\0" in name:  # which the database cannot even be asked for
        return None
    found = list(visible(key).filter(Q(slug=name) | Q(external_key=name)))
    return min(found, key=lambda one: one.slug != name, default=None)
