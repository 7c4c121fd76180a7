"""Make organisations, and find those that a key speaks for."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Concat, Lower, StrIndex
from django.utils.text import slugify

from catacloud.accounts.models import ApiKey, Organisation

LONGEST = 200  # letters that a name can have, so no more are looked for


def create_missing(names: Iterable[str], *, now: datetime) -> None:
    """Create the organisations that do not exist yet, each under the slug of its name.

    One exists as well whose external key that slug is.
    """
    slugs = {name: slugify(name) for name in sorted(set(names))}
    known = Organisation.objects.filter(external_key__in=slugs.values())
    taken = set(known.values_list("external_key", flat=True))
    Organisation.objects.bulk_create(
        [
            Organisation(slug=slug, name=name, created_at=now)
            for name, slug in slugs.items()
            if slug not in taken
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


def searched(asked: Mapping[str, str]) -> str:
    """Return what ``?q=`` looks for: what is longer than any name, by its beginning alone."""
    return asked.get("q", "").strip()[:LONGEST]


def found(text: str) -> QuerySet[Organisation]:
    """Return whose name, slug or external key has a text in it: where it is first comes first.

    Nothing is in all of them; capital and small letters are the same.
    """
    if "\0" in text:  # as above
        return Organisation.objects.none()
    # Small letters are made once of all three: to make them takes nearly all of the time.
    parts = "name", Value("\n"), "slug", Value("\n"), "external_key"
    names = Lower(Concat(*parts, output_field=TextField()))
    return (
        Organisation.objects.alias(place=StrIndex(names, Value(text.lower())))
        .filter(place__gt=0)
        .order_by("place", "name", "id")
    )
