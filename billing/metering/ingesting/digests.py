"""Name the content of a usage event by a digest, however its JSON was written. Pure."""

import hashlib
import json
from datetime import datetime
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

import msgspec

_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def digest(*, type: str, time: datetime | None, data: bytes) -> str:
    """Return the SHA-256 of an event's type, time and data as JSON with sorted keys.

    Numbers are equal where they have the same value, as in the database: 1, 1.0 and 10e-1.
    """
    try:
        read = json.loads(data, parse_int=_number, parse_float=_number)
        text = _encode({"type": type, "time": time, "data": read})
    except RecursionError:  # nested too deeply to be sorted: then as it was written
        text = _encode({"type": type, "time": time, "data": msgspec.Raw(data)})
    return hashlib.sha256(text).hexdigest()


def _number(text: str) -> Decimal:
    number = Decimal(text)
    return number.normalize(_EXACT) if number else Decimal(0)
