"""What the data of an event may hold: what can be stored, and read by whoever reads. Pure."""

import json
import re

MAX_DEPTH = 100  # of objects and arrays in each other: whoever reads them later has more calls open
MAX_EXPONENT = 999  # PostgreSQL writes numbers out: a few bytes could become a hundred kilobytes

# What a body may hold that needs a closer look: a large exponent, a NUL in an attribute. Patterns
# that begin with a letter are by far the fastest.
SUSPICIOUS = [re.compile(text) for text in (rb"e[+-]?\d{4}", rb"E[+-]?\d{4}", rb"\\u0000")]
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
SQUARE = bytes.maketrans(b"{}", b"[]")
NO_BRACKET = bytes(byte for byte in range(256) if byte not in b"{}[]")
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # and no backslash before "u0000"


def wrong_with(data: bytes) -> str:
    """Say why an event's data are not taken, if they are not."""
    if not data.startswith(b"{") and data != b"null":
        return "Its data must be a JSON object or null."
    if len(data) > 2 * MAX_DEPTH and _is_deep(data):
        return f"Its data are nested more than {MAX_DEPTH} deep."
    return ""


def needs_a_look(body: bytes) -> bool:
    """Return whether there may be anything in a body that cannot be stored."""
    return any(pattern.search(body) for pattern in SUSPICIOUS)


def wrong_when_stored(data: bytes) -> str:
    """Say what the database cannot hold, or only at a price, if the data have it."""
    if NUL.search(data):
        return "Its data hold a NUL character."
    if _has_large_exponent(data):
        return f"Its data hold a number with an exponent beyond {MAX_EXPONENT}."
    return ""


def _is_deep(data: bytes) -> bool:
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return False
    brackets = STRING.sub(b"", data).translate(SQUARE, NO_BRACKET)
    for _ in range(MAX_DEPTH):  # each takes the innermost off
        brackets = brackets.replace(b"[]", b"")
    return brackets != b""


class _LargeExponent(Exception):
    pass


def _has_large_exponent(data: bytes) -> bool:
    """Read the data in full: what looks like such a number may be a part of some text."""
    try:
        json.loads(data, parse_float=_check_exponent, parse_int=str)
    except (_LargeExponent, RecursionError):
        return True
    return False


def _check_exponent(number: str) -> None:
    exponent = number.lower().partition("e")[2].lstrip("+-").lstrip("0")
    if len(exponent) > len(str(MAX_EXPONENT)):
        raise _LargeExponent
