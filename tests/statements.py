"""What was asked of the database, to be looked at again: its log has no values in some of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection


class Asked(NamedTuple):
    sql: str
    params: Sequence[Any] | Mapping[str, Any] | None

    def plan(self) -> dict[str, Any]:
        """Run a query again and return its plan, with what each of its nodes did."""
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {self.sql}", self.params)
            [[[explained]]] = cursor.fetchall()
        plan: dict[str, Any] = explained["Plan"]
        return plan

    @property
    def is_query(self) -> bool:
        return self.sql.lstrip("( \n").startswith(("SELECT", "WITH"))


@contextmanager
def noted() -> Iterator[list[Asked]]:
    """Note the statements of a block, each with its values."""
    found: list[Asked] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append(Asked(sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found
