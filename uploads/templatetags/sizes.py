"""How sizes are written: as people read them, and exactly."""

from decimal import ROUND_HALF_UP, Context, Decimal

from django import template
from django.utils.formats import number_format
from django.utils.translation import ngettext

register = template.Library()

NBSP = "\u00a0"
FIVE_DIGITS = Context(prec=5, rounding=ROUND_HALF_UP)
STEPS = [(10**15, "PB"), (10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (1000, "kB")]


@register.filter
def size(count: int) -> str:
    """Write bytes with few digits: 9.84 TB, 512 bytes."""
    rounded = FIVE_DIGITS.plus(Decimal(count))  # so that 999,999 bytes are 1 MB, not 1,000 kB
    for step, unit in STEPS:
        if rounded >= step:
            number = (rounded / step).quantize(Decimal("0.01"), ROUND_HALF_UP)
            written = number_format(number, 2 if number % 1 else 0, force_grouping=True)
            return f"{written}{NBSP}{unit}"
    return exact_size(count)


@register.filter
def exact_size(count: int) -> str:
    values = {"count": number_format(count, force_grouping=True)}
    return (ngettext("%(count)s byte", "%(count)s bytes", count) % values).replace(" ", NBSP)
