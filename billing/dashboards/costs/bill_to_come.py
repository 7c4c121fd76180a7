"""The bill to come as pages show it: in their language, or why it cannot be added up."""

from dataclasses import dataclass
from datetime import datetime

from billing.dashboards.numbers import page_language
from billing.invoicing.closing.drafting import Draft
from billing.invoicing.closing.upcoming import reading_upcoming
from billing.invoicing.tax import NoRate
from billing.together import Reading
from catacloud.accounts.models import Organisation


@dataclass(frozen=True, slots=True)
class BillToCome:
    """Drafts of the periods that have no invoice yet; none where operators have to do something
    first, which ``to_do`` says.
    """

    drafts: list[Draft]
    to_do: str = ""


def reading_bill(organisation: Organisation, *, now: datetime) -> Reading[BillToCome]:
    try:
        drafts = yield from reading_upcoming(organisation, now=now, language=page_language())
    except NoRate as error:
        return BillToCome([], to_do=str(error))
    return BillToCome(drafts)
