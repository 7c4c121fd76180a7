"""Which events a definition does not count yet, for they were folded before it was made.

The saga counts an event by the definitions that there are when it folds it. What it folded before a
definition came, of whatever time, is that definition's backlog until usage is rebuilt, which counts
by all definitions from the first event on. Whatever reads single events once more, such as a void,
a slot that is folded anew or a query of minutes, leaves a backlog out: or it would take back what
was never added.

So that all of a batch is counted by the same definitions, batches share a lock, and a definition is
made while no batch has it.
"""

import pgtrigger
from django.db import connection, models


class Backlog(models.Model):
    """Up to which position a definition has not counted a partition's events."""

    pk = models.CompositePrimaryKey("definition_id", "partition")
    service = models.ForeignKey("billing.Service", on_delete=models.PROTECT, db_index=False)
    definition = models.ForeignKey("billing.Definition", on_delete=models.PROTECT, db_index=False)
    partition = models.SmallIntegerField()
    until = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.definition_id} in {self.partition} until {self.until}"


_LOCK = "hashtext('billing_definition')"
SHARED_LOCK = f"pg_advisory_xact_lock_shared({_LOCK})"


def let_definitions_stay() -> None:
    """Let nobody make a definition until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT FROM {SHARED_LOCK}")


# In a query of ``counting`` and ``event``.
IN_BACKLOG = """EXISTS (
    SELECT FROM billing_backlog AS backlog WHERE backlog.definition_id = counting.definition_id
        AND backlog.partition = event.partition AND backlog.until >= event.position
)"""

# A rebuild has tables and checkpoints of its own. Of a service that it does not build it has to
# know what the live tables lack, to tell which events nobody counts.
NOTE = f"""
PERFORM pg_advisory_xact_lock({_LOCK});
INSERT INTO billing_backlog (service_id, definition_id, partition, until)
SELECT NEW.service_id, NEW.id, partition, position FROM eventstore_checkpoint
WHERE consumer = 'metrics' AND position > 0;
IF to_regclass('usage_rebuild.billing_backlog') IS NOT NULL THEN
    INSERT INTO usage_rebuild.billing_backlog (service_id, definition_id, partition, until)
    SELECT NEW.service_id, NEW.id, partition, position FROM eventstore_checkpoint
    WHERE position > 0 AND consumer = (
        SELECT CASE WHEN scope.service IN ('', slug) THEN 'metrics-rebuild' ELSE 'metrics' END
        FROM usage_rebuild.scope, billing_service WHERE billing_service.id = NEW.service_id
    );
END IF;
RETURN NEW;
"""  # noqa: S608 (constants only)
NOTED = pgtrigger.Trigger(
    name="new_definition_has_a_backlog",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    func=NOTE,
)
