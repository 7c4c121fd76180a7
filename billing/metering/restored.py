"""Payloads that came back from archives, because a service reads of them that was made later.

Of an archived event the store has left what services read by then. What reads single events once
more, such as a void, a slot that is folded anew or a query of minutes, has to find the rest here,
or it would take back less than a rebuild has counted.
"""

from django.db import models

from catacloud.accounts.models import Organisation


class RestoredPayload(models.Model):
    """What services read of what an event said before it was archived. A rebuild writes it."""

    pk = models.CompositePrimaryKey("organisation_id", "position")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    position = models.BigIntegerField()
    data = models.JSONField()

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.position}"


# In a query of ``eventstore_storedevent AS stored``.
RESTORED = """billing_restoredpayload AS restored
    ON restored.organisation_id = stored.tenant_id AND restored.position = stored.position"""
AS_READ = """stored.tenant_id, stored.partition, stored.position, stored.stream_id, stored.event_id,
    stored.type, stored.occurred_at, coalesce(restored.data, stored.data) AS data"""
