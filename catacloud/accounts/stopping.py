"""An organisation whose budget is used up may have chosen to take nothing new until it ends."""

from datetime import datetime

from catacloud.accounts.models import Organisation
from catacloud.problems import Problem


class UsageStopped(Problem):
    """Nothing new is taken for an organisation until a moment.

    Its status is 402 (Payment Required), not 403: the key is valid and may do this, and only the
    money that the organisation allows is missing. Clients try neither again by themselves.
    """

    def __init__(self, until: datetime) -> None:
        super().__init__(402, reason(until), stopped_until=until.isoformat())


def reason(until: datetime) -> str:
    return (
        f"The organisation's budget is used up, so nothing new is taken until {until.isoformat()}: "
        "raise the budget, or wait until then."
    )


def is_stopped(organisation: Organisation, *, now: datetime) -> bool:
    return organisation.stopped_until is not None and now < organisation.stopped_until


def refuse_stopped(organisation: Organisation, *, now: datetime) -> None:
    """Raise UsageStopped where a budget says so: the row that the caller has tells, unasked."""
    if organisation.stopped_until is not None and now < organisation.stopped_until:
        raise UsageStopped(organisation.stopped_until)
