"""What lines say that are for no service, in the document's language. Pure."""

from billing.invoicing.charging.lines import Kind, Line
from billing.invoicing.wording.pen import Pen


def text_of(line: Line, pen: Pen) -> str:
    """Return a line's text; names of services and discounts are as operators wrote them."""
    if line.kind is Kind.BASE_FEE and line.covers:
        return f"{pen.say(line.service_name)} {pen.days(line.covers.first, line.covers.last)}"
    return line.service_name if line.service_id else pen.say(line.service_name)
