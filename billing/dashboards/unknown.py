"""What an address asks for and a page has not, in words. Pure."""

from collections.abc import Collection, Mapping

from django.utils.translation import gettext, gettext_noop

MESSAGES = {
    "metric": gettext_noop("There is no metric called “{name}”."),
    "by": gettext_noop("There is no grouping called “{name}”."),
    "sort": gettext_noop("There is no order called “{name}”."),
    "grain": gettext_noop("There are bars of days, weeks and months, and none of a “{name}”."),
    "shape": gettext_noop("There are bars and lines, and nothing called “{name}”."),
    "service": gettext_noop("There is no service called “{name}”."),
    "state": gettext_noop("There is no state called “{name}”."),
}
SHOWN = 40  # letters


def messages(
    asked: Mapping[str, str], known: Mapping[str, Collection[str]], *, first: str = ""
) -> list[str]:
    """Return a sentence for each parameter whose value is none of those that are known; before
    them what is said of the days that are asked for, if anything.
    """
    said = [
        gettext(MESSAGES[name]).format(name=value[:SHOWN])
        for name, values in known.items()
        if (value := asked.get(name)) and value not in values
    ]
    return [first, *said] if first else said
