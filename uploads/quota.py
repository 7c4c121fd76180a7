"""How many bytes an organisation keeps, and how many it may."""

from django.conf import settings
from django.db import connection
from django.db.models import F

from catacloud.accounts.models import Organisation
from uploads.models import KeptBytes
from uploads.templatetags.sizes import size


class OverQuota(Exception):
    """The bytes would not fit into what the organisation may keep."""

    def __init__(self, quota: int) -> None:
        super().__init__(
            f"The organisation may keep {size(quota)}, and this would be more: delete files, or "
            "ask for a larger quota."
        )


def kept(organisation: Organisation) -> int:
    row = KeptBytes.objects.filter(organisation=organisation).first()
    return row.size if row else 0


def limit(organisation: Organisation) -> int | None:
    """Return the bytes that the organisation may keep; None for any number."""
    own = organisation.storage_quota
    return settings.STORAGE_QUOTA if own is None else own


def check(organisation: Organisation, more: int) -> None:
    """Raise OverQuota where so many more bytes would not fit. It reserves nothing."""
    quota = limit(organisation)
    if quota is not None and kept(organisation) + more > quota:
        raise OverQuota(quota)


def add(organisation: Organisation, size: int) -> None:
    """Count bytes that are kept from now on; the last lock of a transaction. Raises OverQuota."""
    quota = limit(organisation)
    with connection.cursor() as cursor:
        cursor.execute(ADD, {"organisation": organisation.id, "size": size, "quota": quota})
        if not cursor.rowcount:
            raise OverQuota(quota or 0)


def subtract(organisation: Organisation, size: int) -> None:
    """Count bytes that are kept no more; the last lock of a transaction."""
    if size:
        KeptBytes.objects.filter(organisation=organisation).update(size=F("size") - size)


ADD = """
INSERT INTO uploads_keptbytes AS kept (organisation_id, size)
SELECT %(organisation)s, %(size)s WHERE coalesce(%(size)s <= %(quota)s, true)
ON CONFLICT (organisation_id) DO UPDATE SET size = kept.size + excluded.size
WHERE coalesce(kept.size + excluded.size <= %(quota)s, true)
"""
