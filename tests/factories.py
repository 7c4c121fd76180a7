"""Things that tests need, made by the project's own functions where there are some."""

from datetime import UTC, datetime

from django.utils.text import slugify

from catacloud.accounts.models import Organisation

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def make_organisation(name: str = "Acme") -> Organisation:
    return Organisation.objects.create(slug=slugify(name), name=name, created_at=LONG_AGO)
