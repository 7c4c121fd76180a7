"""Parameters of Lago's own that change what is told, and that are not served here. Pure.

A filter that is ignored gives what nobody asked for; so these are refused. What Lago does not know
either it ignores, and so do we: its clients may send what is newer than both.
"""

from collections.abc import Mapping

from billing.lago import wire
from billing.lago.errors import LagoError

OF_EVENTS = frozenset({"timestamp_from_started_at"})
OF_USAGE = frozenset({"group", "filter_by_group", "filter_by_presentation", "full_usage"})
OFF = ("", "false", "0")  # a switch that is off is as good as none


def refuse(parameters: Mapping[str, str], unserved: frozenset[str]) -> None:
    """Raise LagoError, with 501, that names the first parameter of those that are not served.

    Of these, ``name[key]`` is one too.
    """
    for parameter, value in parameters.items():
        name = parameter.partition("[")[0]
        if name in unserved and value not in OFF:
            raise LagoError(501, code="not_implemented", details={name: [wire.NOT_SERVED]})
