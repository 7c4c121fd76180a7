"""Filters of a dimension's values as OpenMeter writes them, such as ``{"$in": ["a", "b"]}``. Pure.

A filter becomes a condition of SQL; what it compares with goes in as parameters.
"""

import re
from collections.abc import Mapping
from typing import Any

from billing.metering.names import as_kept

COMPARED = {
    "$eq": "=",
    "$ne": "<>",
    "$gt": ">",
    "$gte": ">=",
    "$lt": "<",
    "$lte": "<=",
    "$like": "LIKE",
    "$nlike": "NOT LIKE",
    "$ilike": "ILIKE",
    "$nilike": "NOT ILIKE",
}
WHOLE = ("$eq", "$ne")
ORDERED = ("$gt", "$gte", "$lt", "$lte")
UNFINISHED = re.compile(r"(?<!\\)(\\\\)*\\\Z")
UNWRITABLE = re.compile("[\0\ud800-\udfff]")  # NUL and halves of characters: no text of PostgreSQL
LISTED = {"$in": "= ANY", "$nin": "<> ALL"}
HELD = {"$contains": "ILIKE", "$ncontains": "NOT ILIKE"}
TEXTUAL = COMPARED | HELD
JOINED = {"$and": " AND ", "$or": " OR "}
DEEPEST = 10
MOST = 200  # values of all filters, and filters within one


class BadFilter(Exception):
    """A filter is in no shape that is known. The message says what to write."""


def condition(column: str, asked: Any, values: dict[str, Any], depth: int = 0) -> str:
    """Return the SQL for a filter of a column, and add its parameters. Raises BadFilter.

    Several operators have all to hold; texts compare by their code points.
    """
    if not isinstance(asked, Mapping):
        raise BadFilter('A filter is an object of operators, such as {"$in": ["a", "b"]}.')
    refuse_large(asked, values, depth)
    parts = [
        _one(column, operator, operand, values, depth)
        for operator, operand in asked.items()
        if operand is not None
    ]
    return all_of(parts, " AND ")


def of_dimension(asked: Any) -> Any:
    """Return a filter that knows long values of a dimension as the tables do.

    Patterns, and what is before or after, go by how they stand there.
    """
    if not isinstance(asked, Mapping):
        return asked
    return {
        operator: as_kept(operand)
        if operator in WHOLE and isinstance(operand, str)
        else [as_kept(one) if isinstance(one, str) else of_dimension(one) for one in operand]
        if operator in (*LISTED, *JOINED) and isinstance(operand, list)
        else operand
        for operator, operand in asked.items()
    }


def _one(column: str, operator: str, operand: Any, values: dict[str, Any], depth: int) -> str:
    if operator in JOINED:
        return _joined(column, operator, operand, values, depth)
    if operator == "$exists":
        if not isinstance(operand, bool):
            raise BadFilter("$exists takes true or false.")
        return f"{column} {'<>' if operand else '='} ''"
    if operator in LISTED:
        name = keep(values, _texts(operator, operand))
        return f"{column} {LISTED[operator]}(%({name})s::text[])"
    if operator in TEXTUAL:
        return _textual(column, operator, _text(operator, operand), values)
    raise BadFilter(f"There is no operator {operator!r}: {', '.join(sorted(OPERATORS))} are known.")


def _joined(column: str, operator: str, operand: Any, values: dict[str, Any], depth: int) -> str:
    if not isinstance(operand, list):
        raise BadFilter(f"{operator} takes a list of filters.")
    parts = [condition(column, one, values, depth + 1) for one in operand]
    return all_of(parts, JOINED[operator])


def _textual(column: str, operator: str, text: str, values: dict[str, Any]) -> str:
    if operator in HELD:
        text = f"%{_escaped(text)}%"
    elif operator.endswith("like") and UNFINISHED.search(text):
        raise BadFilter(f"{operator}: the pattern ends with half an escape, a backslash.")
    name = keep(values, text)
    collation = ' COLLATE "C"' if operator in ORDERED else ""
    return f"{column}{collation} {TEXTUAL[operator]} %({name})s"


OPERATORS = [*COMPARED, *LISTED, *HELD, *JOINED, "$exists"]


def refuse_large(asked: Any, values: Mapping[str, Any], depth: int) -> None:
    """Raise BadFilter where a filter, after others with these values, is more than is looked at."""
    if depth > DEEPEST or len(values) > MOST or (depth == 0 and _size(asked) > MOST):
        raise BadFilter(
            f"A filter holds at most {MOST} others, nested at most {DEEPEST} deep: many values are "
            "one $in."
        )


def _size(asked: Any, depth: int = 0) -> int:
    """Count the filters within one, as deep as they may be nested."""
    if depth > 2 * DEEPEST or not isinstance(asked, Mapping | list):
        return 0
    inner = asked.values() if isinstance(asked, Mapping) else asked
    return isinstance(asked, Mapping) + sum(_size(one, depth + 1) for one in inner)


def all_of(parts: list[str], joint: str) -> str:
    """Join conditions to one; of none it is true."""
    return f"({joint.join(parts)})" if parts else "true"


def keep(values: dict[str, Any], operand: Any) -> str:
    """Add a parameter, and return its name."""
    name = f"filter_{len(values)}"
    values[name] = operand
    return name


def _text(operator: str, operand: Any) -> str:
    if not isinstance(operand, str) or UNWRITABLE.search(operand):
        raise BadFilter(f"{operator} takes a text.")
    return operand


def _texts(operator: str, operand: Any) -> list[str]:
    if not isinstance(operand, list):
        raise BadFilter(f"{operator} takes a list of texts.")
    return [_text(operator, one) for one in operand]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
