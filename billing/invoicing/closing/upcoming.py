"""The invoices to come of an organisation: of its periods that have none yet."""

from collections.abc import Iterable
from datetime import datetime

from billing.invoicing.closing.drafting import Draft, inputs_of
from billing.invoicing.closing.due import open_periods
from billing.periods import day_of
from billing.together import Reading, read
from catacloud.accounts.models import Organisation


def upcoming(organisation: Organisation, *, now: datetime) -> list[Draft]:
    """Return the drafts that closing would issue now, each as it will be after those before it.

    Raises what :func:`drafting.draft_of` does.
    """
    return read(reading_upcoming(organisation, now=now))


def reading_upcoming(
    organisation: Organisation, *, now: datetime, language: str = ""
) -> Reading[list[Draft]]:
    """Read what :func:`upcoming` returns: as many rounds for two periods as for one, and what came
    late is rated once for both. A page asks for its own language in place of the customer's.
    """
    periods = yield from open_periods(organisation, today=day_of(now, organisation.zone))
    if not periods:
        return []
    each = yield from inputs_of([organisation], periods=periods, now=now)
    drafts: list[Draft] = []
    for inputs in each:
        drafts += inputs.drafts(after=drafts, language=language).values()
    return drafts


def running(drafts: Iterable[Draft], *, now: datetime) -> Draft | None:
    """Return the draft of the period that is running; None where the organisation is on no plan."""
    for draft in drafts:
        if draft.days.first <= day_of(now, draft.organisation.zone) < draft.days.end:
            return draft
    return None
