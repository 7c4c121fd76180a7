"""How pages lead from one event to another."""

from urllib.parse import urlencode

from django import template

from billing.metering.events import EventName

register = template.Library()


@register.filter
def event_query(name: EventName) -> str:
    """Write the query of the events page that finds one event."""
    return urlencode({"source": name.source, "id": name.id})
