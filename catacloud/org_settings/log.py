"""The log of an organisation: what its events say that people and programs did, the newest first.

All its events are in it but those of usage, its metering, and the parts of uploads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from billing.pricing.models import PlanVersion
from catacloud.accounts.models import ApiKey, Organisation, User
from catacloud.org_settings.account_words import plan_version
from catacloud.org_settings.telling import Names, what, who
from eventstore import drivers, keyring, sql
from eventstore.events import RecordedEvent
from eventstore.steps import Query, rows_of
from uploads.models import UploadedFile

PER_PAGE = 50
LAST = 2**63 - 1

# What it does not hold is written as in the index org_settings_log.
PAGE = f"""
SELECT {sql.EVENT} FROM eventstore_storedevent
WHERE tenant_id = %(tenant)s AND position < %(before)s AND type NOT IN (
    'usage.recorded', 'account.usage_metered', 'file.started', 'file.part_stored'
)
ORDER BY position DESC LIMIT %(limit)s
"""  # noqa: S608 (constants only)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log; ``position`` is its place among all events."""

    at: datetime
    who: str
    what: str
    position: int


def read(
    organisation: Organisation, *, before: int | None = None, limit: int = PER_PAGE
) -> tuple[list[Entry], int | None]:
    """Return a page of the log before a position, and where the next one begins if there is one."""
    values = {"tenant": organisation.pk, "before": before or LAST, "limit": limit + 1}
    rows = drivers.run(rows_of(Query(PAGE, values)))
    recorded = drivers.run(keyring.decoded(rows[:limit]))
    names = _names(organisation, recorded)
    page = [
        Entry(one.occurred_at, who(one.metadata.actor, names), what(one, names), one.position)
        for one in recorded
    ]
    return page, page[-1].position if len(rows) > limit else None


def _names(organisation: Organisation, recorded: Sequence[RecordedEvent]) -> Names:
    people = _numbers(one.metadata.actor for one in recorded)
    plans = {number for one in recorded if (number := plan_version(one.event))}
    versions = PlanVersion.objects.select_related("plan").filter(pk__in=plans)
    files = UploadedFile.objects.filter(
        organisation=organisation, id__in={one.stream_id for one in recorded}
    )
    return Names(
        people=dict(User.objects.filter(pk__in=people).values_list("pk", "email")),
        keys=dict(ApiKey.objects.filter(organisation=organisation).values_list("prefix", "name")),
        files=dict(files.values_list("id", "name")),
        plans={one.pk: _plan(one) for one in versions},
    )


def _plan(version: PlanVersion) -> str:
    values = {"plan": version.plan.name, "number": version.number}
    return _("%(plan)s, version %(number)s") % values


def _numbers(actors: Iterable[str | None]) -> set[int]:
    names = {actor.removeprefix("user:") for actor in actors if actor}
    return {int(name) for name in names if name.isdigit()}
