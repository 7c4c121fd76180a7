"""The parameters of an address: one that is misspelled and ignored does what nobody asked for."""

from collections.abc import Collection
from difflib import get_close_matches

from django.http import HttpRequest
from ninja import Schema

from catacloud.problems import Problem

SHOWN = 100  # characters of a name; anybody writes what they like


def known(*shapes: type[Schema]) -> frozenset[str]:
    """Return the names that parameters of these shapes go by."""
    return frozenset(
        field.alias or name for shape in shapes for name, field in shape.model_fields.items()
    )


def refuse_others(
    request: HttpRequest, names: Collection[str], *, objects: Collection[str] = ()
) -> None:
    """Refuse a request with a parameter that is none of these; of ``objects`` ``name[key]`` is one.

    Raises Problem, with 400, that names the parameter.
    """
    for name in request.GET:
        if name in names or (name.endswith("]") and name.partition("[")[0] in objects):
            continue
        near = get_close_matches(name, names, n=1)
        meant = f": {near[0]} is meant, perhaps" if near else ""
        detail = f"There is no parameter {name[:SHOWN]!r} here{meant}. Nothing was done."
        raise Problem(400, detail, parameter=name[:SHOWN], parameters=sorted(names))
