"""Rows of an export as the files that people and programs take away. Pure."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from itertools import islice
from tempfile import TemporaryFile
from types import UnionType
from typing import IO, Any, get_args, get_type_hints

from billing.exact import plain
from billing.spreadsheets import cell

AT_A_TIME = 5000  # rows


@dataclass(frozen=True)
class Table:
    """What is in a file: a dataclass of its rows, and how a column is named, a number written."""

    row: type
    name: Callable[[str], str] = str
    number: Callable[[Decimal], str] = plain

    @property
    def columns(self) -> list[str]:
        return [self.name(field.name) for field in fields(self.row)]


def as_csv(rows: Iterable[Any], table: Table) -> Iterator[bytes]:
    """Yield a CSV with a header, in pieces. No cell is taken for a formula."""
    rows, out = iter(rows), StringIO()
    writer = csv.writer(out)
    writer.writerow(table.columns)
    while some := list(islice(rows, AT_A_TIME)):
        writer.writerows([_cell(value, table) for value in astuple(row)] for row in some)
        yield _taken(out)
    if text := _taken(out):  # of no rows: the header alone
        yield text


def _taken(out: StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()


def _cell(value: object, table: Table) -> str:
    if isinstance(value, Decimal):
        return table.number(value)  # also where it is negative
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return "" if value is None else cell(str(value))


def as_parquet(rows: Iterable[Any], table: Table) -> IO[bytes]:
    """Return an open file of the rows, to be read from its start."""
    import pyarrow as pa  # 60 MB, that a web worker has only once somebody asked for it
    import pyarrow.parquet as pq

    schema, rows = _schema(pa, table), iter(rows)
    file = TemporaryFile()  # noqa: SIM115 (who gets it closes it)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while some := list(islice(rows, AT_A_TIME)):
            columns = zip(*map(astuple, some), strict=True)
            arrays = [pa.array(one, kind) for one, kind in zip(columns, schema.types, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
    file.seek(0)
    return file


def _schema(pa: Any, table: Table) -> Any:
    kinds = {
        Decimal: pa.decimal256(60, 12),
        date: pa.date32(),
        datetime: pa.timestamp("us", tz="UTC"),
        str: pa.string(),
    }
    hints = get_type_hints(table.row)
    return pa.schema(
        [(table.name(field.name), kinds[_kind(hints[field.name])]) for field in fields(table.row)]
    )


def _kind(hint: Any) -> type:
    """Return the type of a field, which may be None besides."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    found: type = kinds[0]
    return found
