"""Why an event's quantity, or the value that it is told apart by, cannot be read: in words, which
are English but on pages. Pure.

What can be read is said by the database's billing_quantity and billing_value, and by nothing else.
"""

import json
import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

from django.utils.translation import gettext as _

LARGEST = Decimal("1e30")
PLACES = 12  # after the point, as the tables keep quantities
NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
NUMERAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # however long
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
SHOWN = 60  # characters of a value; senders write what they like


def unread(value: str | None, *, path: str, may_be_negative: bool) -> str:
    """Say why a JSON value, or none, is no quantity; the empty text where it is one."""
    if value is None:
        return _("The quantity is missing: its data have no {path}.").format(path=path)
    read = json.loads(value, parse_int=Decimal, parse_float=Decimal)
    if read is None:
        return _("The quantity is missing: {path} is null in its data.").format(path=path)
    number = Decimal(read) if isinstance(read, str) and NUMBER.fullmatch(read) else read
    said = _("{path} is {value}").format(path=path, value=_shown(value))
    if isinstance(number, str) and NUMERAL.fullmatch(number):
        text = _(
            "The quantity is written too long: {said}. Up to 40 digits before the point, 40 after "
            "it and two of an exponent are read."
        )
        return text.format(said=said)
    if not isinstance(number, Decimal):
        return _("The quantity is not a number: {said}.").format(said=said)
    return _out_of_bounds(number, said, may_be_negative=may_be_negative)


def no_value(value: str | None, *, path: str) -> str:
    """Say why a JSON value, or none, is nothing to be told apart; the empty text where it is."""
    if value is None:
        return _("The value is missing: its data have no {path}.").format(path=path)
    read = json.loads(value, parse_int=Decimal, parse_float=Decimal)
    if read is None or read == "":
        text = _("The value is missing: {path} is {value} in its data.")
        return text.format(path=path, value=_shown(value))
    if not isinstance(read, str | Decimal):
        text = _("The value is no text and no number: {path} is {value}.")
        return text.format(path=path, value=_shown(value))
    return ""


def _out_of_bounds(number: Decimal, said: str, *, may_be_negative: bool) -> str:
    if abs(number) > LARGEST:
        text = _("The quantity is too large: {said}, and at most {largest} is counted.")
        return text.format(said=said, largest=f"{LARGEST:e}")
    if _places(number) > PLACES:
        text = _(
            "The quantity is too fine: {said}, and at most {places} decimal places are counted."
        )
        return text.format(said=said, places=PLACES)
    if number < 0 and not may_be_negative:
        text = _("The quantity is negative: {said}. Void or replace the wrong event instead.")
        return text.format(said=said)
    return ""


def _places(number: Decimal) -> int:
    if not number:
        return 0
    exponent = number.normalize(EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
