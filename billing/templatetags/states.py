"""How pages link to themselves in another state."""

from django import template
from django.template import Context

from billing.dashboards.usage.state import State

register = template.Library()


@register.simple_tag(takes_context=True)
def state_link(context: Context, **changes: str | None) -> str:
    """Write the address of this page with something else of its state; None is the default."""
    state: State = context["state"]
    return f"{context['request'].path}{state.link(**changes)}"
