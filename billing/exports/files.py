"""Rows of daily usage as the files that people and programs take away. Pure."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields
from decimal import Decimal
from io import StringIO
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any

from billing.exact import plain
from billing.exports.daily import DailyRow
from billing.spreadsheets import cell

COLUMNS = [field.name for field in fields(DailyRow)]
AT_A_TIME = 5000  # rows


def as_csv(rows: Iterable[DailyRow]) -> Iterator[bytes]:
    """Yield a CSV with a header, in pieces. No cell is taken for a formula."""
    rows, out = iter(rows), StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    while some := list(islice(rows, AT_A_TIME)):
        writer.writerows(map(_cells, some))
        yield _taken(out)
    if text := _taken(out):  # of no rows: the header alone
        yield text


def _taken(out: StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()


def _cells(row: DailyRow) -> list[str]:
    return [_cell(value) for value in astuple(row)]


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)  # a number, also where it is negative
    return "" if value is None else cell(str(value))


def as_parquet(rows: Iterable[DailyRow]) -> IO[bytes]:
    """Return an open file of the rows, to be read from its start."""
    import pyarrow as pa  # 60 MB, that a web worker has only once somebody asked for it
    import pyarrow.parquet as pq

    schema, rows = _schema(pa), iter(rows)
    file = TemporaryFile()  # noqa: SIM115 (who gets it closes it)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while some := list(islice(rows, AT_A_TIME)):
            columns = zip(*map(astuple, some), strict=True)
            arrays = [pa.array(one, kind) for one, kind in zip(columns, schema.types, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
    file.seek(0)
    return file


def _schema(pa: Any) -> Any:
    number, text = pa.decimal256(60, 12), pa.string()
    kinds = {"day": pa.date32(), "quantity": number, "level": number}
    return pa.schema([(name, kinds.get(name, text)) for name in COLUMNS])
