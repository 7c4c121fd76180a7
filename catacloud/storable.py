"""Text that PostgreSQL can hold: how a shape asks for it, and what is said where it is other."""

from collections.abc import Mapping
from typing import Any

# Neither NUL nor half a character can be stored; pydantic itself finds the latter with a pattern.
STORABLE = r"^[^\x00]*$"


def said(error: Mapping[str, Any]) -> str:
    """Return what pydantic says of a mistake; that of a pattern for machines in words."""
    if error.get("ctx", {}).get("pattern") == STORABLE:
        return "It holds a NUL character, which cannot be stored: leave it out"
    return str(error["msg"])
