"""Text that PostgreSQL can hold: how a shape asks for it, and what is said where it is other."""

from collections.abc import Mapping
from typing import Any

# Neither NUL nor half a character can be stored; pydantic itself finds the latter with a pattern.
STORABLE = r"^[^\x00]*$"


def said(error: Mapping[str, Any]) -> str:
    """Return what pydantic says of a mistake; in words where that is for machines."""
    if error.get("ctx", {}).get("pattern") == STORABLE:
        return "It holds a NUL character, which cannot be stored: leave it out"
    if error.get("type") == "extra_forbidden":
        return "Nothing here has this name: correct its spelling, or leave it out"
    return str(error["msg"])
