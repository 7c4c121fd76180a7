"""The tables of the event store. Only the modules of this package write them."""

from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import Func, Value
from django.db.models.functions import Now
from django.utils.translation import gettext

NEXT_POSITION = Func(Value("eventstore_position"), function="nextval")


class Stream(models.Model):
    """The head of a stream. Appends lock this row, so writers of one stream queue up on it."""

    pk = models.CompositePrimaryKey("tenant_id", "stream_id")
    tenant_id = models.UUIDField()
    stream_id = models.UUIDField()
    type = models.CharField(max_length=100)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.type} {self.stream_id} at version {self.version}"


class StoredEvent(models.Model):
    """One event, for ever. A trigger refuses updates and deletes, but for what a Withdrawal or an
    Archive says.

    ``position`` orders all events. It rises with the version inside a stream, has gaps where an
    append was rolled back, and is handed out before its transaction commits: see feed.py.
    """

    pk = models.CompositePrimaryKey("tenant_id", "stream_id", "version")
    tenant_id = models.UUIDField()
    stream_id = models.UUIDField()
    version = models.BigIntegerField()
    position = models.BigIntegerField(db_default=NEXT_POSITION)
    partition = models.SmallIntegerField()
    event_id = models.UUIDField()
    type = models.CharField(max_length=100)
    schema_version = models.SmallIntegerField()
    data = models.JSONField()
    metadata = models.JSONField()
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            # The primary key is the other half of the truth: one event per stream and version.
            models.UniqueConstraint(
                fields=["tenant_id", "stream_id", "event_id"], name="one_event_per_stream_id"
            ),
            models.CheckConstraint(
                condition=models.Q(version__gte=1), name="event_versions_start_at_1"
            ),
        ]
        indexes = [
            models.Index(fields=["position"], name="event_position"),  # the feed's horizon
            models.Index(fields=["partition", "position"], name="event_partition_position"),
        ]

    def __str__(self) -> str:
        return f"{self.type} at {self.position}"


class ChainLink(models.Model):
    """The digest of an event and of the link before it, where somebody wants them: see chain.py."""

    pk = models.CompositePrimaryKey("tenant_id", "stream_id", "version")
    tenant_id = models.UUIDField()
    stream_id = models.UUIDField()
    version = models.BigIntegerField()
    digest = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.stream_id} version {self.version}"


class Snapshot(models.Model):
    """An aggregate's state at a version: a cache of its events that may be deleted at any time."""

    pk = models.CompositePrimaryKey("tenant_id", "stream_id")
    tenant_id = models.UUIDField()
    stream_id = models.UUIDField()
    version = models.BigIntegerField()
    state_version = models.SmallIntegerField()
    state = models.JSONField()
    taken_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.stream_id} at version {self.version}"


class TenantKey(models.Model):
    """The key that a tenant's personal values are sealed with, until it is shredded, for ever.

    The row then is the record of that: by whom, why, and how many events had such values.
    """

    tenant_id = models.UUIDField(primary_key=True)
    key = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=TransactionNow())  # of its transaction: keyring.py
    shredded_at = models.DateTimeField(null=True)
    shredded_by = models.CharField(max_length=150, blank=True, db_default="", default="")
    reason = models.TextField(blank=True, db_default="", default="")
    events = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    key__isnull=False,
                    shredded_at__isnull=True,
                    events__isnull=True,
                    shredded_by="",
                    reason="",
                )
                | models.Q(
                    ~models.Q(shredded_by=""),
                    ~models.Q(reason=""),
                    key__isnull=True,
                    shredded_at__isnull=False,
                    events__isnull=False,
                ),
                name="a_shredded_key_is_whole",
            )
        ]

    def __str__(self) -> str:
        return f"key of {self.tenant_id}"


class Withdrawal(models.Model):
    """The record of plain values that were taken out of an event, because its tenant was shredded.

    The guard lets an event become what such a row says, and nothing else: ``digest`` is of the
    content that the event has now.
    """

    tenant_id = models.UUIDField()
    stream_id = models.UUIDField()
    version = models.BigIntegerField()
    digest = models.BinaryField()
    withdrawn_at = models.DateTimeField(db_default=Now())
    withdrawn_by = models.CharField(max_length=150)
    reason = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "stream_id", "version", "digest"],
                name="an_event_becomes_the_same_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(reason="") & ~models.Q(withdrawn_by=""),
                name="who_withdraws_says_who_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream_id} version {self.version}"


class Archive(models.Model):
    """The record of payloads that were archived elsewhere, and then dropped from a tenant's events.

    The guard lets an event of the type between the positions become what is left of it by
    ``keeps``, a list of paths, and nothing else. ``digest`` is of all these events as they were,
    ``left_digest`` as they are now (archives.py).
    """

    tenant_id = models.UUIDField()
    type = models.CharField(max_length=100)
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    events = models.BigIntegerField()
    keeps = models.JSONField()
    digest = models.BinaryField()
    left_digest = models.BinaryField()
    place = models.TextField()  # where the payloads are
    archived_by = models.CharField(max_length=150)
    archived_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(place="") & ~models.Q(archived_by=""),
                name="who_archives_says_who_and_where",
            )
        ]

    def __str__(self) -> str:
        return f"{self.events} events of {self.tenant_id} up to {self.last_position}"


class Checkpoint(models.Model):
    """Up to where a consumer has handled a partition; moves in the transaction of the effect.

    While the next event fails, it also says which one that is, and when it will be tried again.
    ``recent`` is how many events were handled in about a minute before ``moved_at``: of each batch
    it keeps less and less, as of a load average.
    """

    consumer = models.CharField(max_length=100)
    partition = models.SmallIntegerField()
    position = models.BigIntegerField(default=0)
    handled = models.BigIntegerField(default=0, db_default=0)  # events, since the checkpoint exists
    recent = models.FloatField(default=0, db_default=0)
    moved_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(default=0, db_default=0)  # that failed, of one event
    failed_position = models.BigIntegerField(null=True)
    failed_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    error = models.TextField(default="", db_default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["consumer", "partition"], name="one_checkpoint_per_consumer_partition"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    attempts=0,
                    failed_position__isnull=True,
                    failed_at__isnull=True,
                    retry_at__isnull=True,
                )
                | models.Q(
                    attempts__gt=0,
                    failed_position__gt=models.F("position"),
                    failed_at__isnull=False,
                    retry_at__isnull=False,
                ),
                name="a_failure_is_whole_and_ahead",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.consumer} {self.partition} at {self.position}"


class DeadLetter(models.Model):
    """An event that a consumer never handled, because somebody decided so and said why."""

    consumer = models.CharField(max_length=100)
    partition = models.SmallIntegerField()
    position = models.BigIntegerField()
    tenant_id = models.UUIDField()
    stream_id = models.UUIDField()
    version = models.BigIntegerField()
    error = models.TextField()
    reason = models.TextField()
    skipped_by = models.CharField(max_length=150)
    skipped_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["consumer", "position"], name="an_event_is_skipped_once_per_consumer"
            ),
            models.CheckConstraint(
                condition=~models.Q(reason="") & ~models.Q(skipped_by=""),
                name="who_skips_says_who_and_why",
            ),
        ]

    def __str__(self) -> str:
        return gettext("{consumer} skipped {position}: {reason}").format(
            consumer=self.consumer, position=self.position, reason=self.reason
        )


class LiveProjection(models.Model):
    """Which version of a projection is shown and has side effects."""

    name = models.CharField(max_length=80, unique=True)
    version = models.PositiveIntegerField()
    switched_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


class Horizon(models.Model):
    """The one row that says up to which position no event can appear any more.

    At a gap it also keeps the fence: when every transaction before ``fence_xid`` is over, what is
    still missing up to ``fence_position`` will never come. ``held_since`` says since when this gap
    has held all readers up, and ``hold_reported`` whether somebody has logged it.
    """

    position = models.BigIntegerField(default=0)
    fence_position = models.BigIntegerField(null=True)
    fence_xid = models.BigIntegerField(null=True)
    held_since = models.DateTimeField(null=True)
    hold_reported = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="there_is_one_horizon"),
            models.CheckConstraint(
                condition=models.Q(
                    fence_position__isnull=True, fence_xid__isnull=True, held_since__isnull=True
                )
                | models.Q(
                    fence_position__isnull=False, fence_xid__isnull=False, held_since__isnull=False
                ),
                name="a_fence_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"horizon at {self.position}"
