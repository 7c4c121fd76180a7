"""A chart in a template: its picture, and the figure that a script draws in its place."""

from html import escape

import msgspec
from django import template
from django.utils.safestring import SafeString

from billing.dashboards.charts.drawing import Figure
from billing.dashboards.charts.still import still

register = template.Library()


@register.simple_tag
def chart(figure: Figure, id: str) -> SafeString:
    """Write a chart whose title has the id ``{id}-title``."""
    name = escape(id)
    return SafeString(
        f'<div class="chart" data-figure="{name}-figure" role="img" aria-labelledby="{name}-title">'
        f"{still(figure)}</div>"
        f'<script id="{name}-figure" type="application/json">{_as_json(figure)}</script>'
    )


def _as_json(figure: Figure) -> str:
    """Return what Django's json_script puts between its tags, in a tenth of its time."""
    text = msgspec.json.encode(figure).decode()
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04X}")
    return text
