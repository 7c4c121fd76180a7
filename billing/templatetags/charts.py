"""A chart in a template: its picture, and the figure that a script draws in its place."""

from django import template
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString

from billing.dashboards.charts import Figure
from billing.dashboards.still import still

register = template.Library()


@register.simple_tag
def chart(figure: Figure, id: str) -> SafeString:
    """Write a chart whose title has the id ``{id}-title``."""
    return format_html(
        '<div class="chart" data-figure="{0}-figure" role="img" aria-labelledby="{0}-title">'
        "{1}</div>{2}",
        id,
        still(figure),
        json_script(figure, f"{id}-figure"),
    )
