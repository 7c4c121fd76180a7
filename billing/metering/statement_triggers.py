"""Triggers that run once for a statement, and read its rows as a table: the saga writes many rows
with each.
"""

import pgtrigger


def after(
    name: str, operation: pgtrigger.Operation, sql: str, *, new: str = "", old: str = ""
) -> pgtrigger.Trigger:
    """Return what runs a statement of SQL after each of a kind; ``new`` and ``old`` name its rows
    as they are then and were before, where these are read.
    """
    rows = {which: table for which, table in (("new", new), ("old", old)) if table}
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**rows),  # type: ignore[no-untyped-call]
        func=f"{sql.rstrip()};\nRETURN NULL;",
    )


def noting(rows: str, sql: str) -> list[pgtrigger.Trigger]:
    """Return what notes new, changed and deleted rows by one statement, which has them as
    ``touched``; triggers are named by what the rows are called.
    """
    return [
        after(f"new_{rows}_noted", pgtrigger.Insert, sql, new="touched"),
        after(f"changed_{rows}_noted", pgtrigger.Update, sql, new="touched"),
        after(f"deleted_{rows}_noted", pgtrigger.Delete, sql, old="touched"),
    ]
