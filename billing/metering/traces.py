"""Read usage traces in CSV as CloudEvents, as their services would have sent them. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

Row = Mapping[str, str]
UsageEvent = dict[str, Any]  # a CloudEvent, with the organisation's name as its subject

GIBIBYTE = 2**30
DLRM_START = datetime(2025, 1, 1, tzinfo=UTC)


class BadRow(Exception):
    """A row of the file cannot be read."""


def gentd26(rows: Iterable[Row]) -> Iterator[UsageEvent]:
    """Requests to an image-generation service: execution time of a group. Raises BadRow.

    The file has no request id: its line number is the event's id. All statuses count, for the
    machine time was spent.
    """
    for line, row in enumerate(rows, start=2):
        with _RowErrors(line):
            yield _event(
                organisation=row["groupId"],
                source="gentd26",
                id=str(line),
                type="catacloud.execution.finished",
                time=datetime.strptime(row["gmt_create"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC),
                data={"seconds": str(Decimal(row["exec_time_seconds"]))},
            )


def dlrm(rows: Iterable[Row]) -> Iterator[UsageEvent]:
    """Instances of applications: their disk is stored from creation to deletion. Raises BadRow.

    Without a creation time an instance existed at the start, without a deletion time it stays.
    """
    for line, row in enumerate(rows, start=2):
        with _RowErrors(line):
            size = int(Decimal(row["disk_request"]) * GIBIBYTE)
            yield _disk_change(row, "created", size, row["creation_time"] or "0")
            if row["deletion_time"]:
                yield _disk_change(row, "deleted", -size, row["deletion_time"])


FORMATS: dict[str, Callable[[Iterable[Row]], Iterator[UsageEvent]]] = {
    "gentd26": gentd26,
    "dlrm": dlrm,
}


def _disk_change(row: Row, what: str, size: int, second: str) -> UsageEvent:
    # Times carry the noise of binary fractions, such as 475.00000000000006: they are whole seconds.
    return _event(
        organisation=row["app_name"],
        source="dlrm",
        id=f"{row['instance_sn']}/{what}",
        type="catacloud.storage.changed",
        time=DLRM_START + timedelta(seconds=round(Decimal(second))),
        data={"bytes": str(size)},
    )


def _event(*, organisation: str, time: datetime, **attributes: Any) -> UsageEvent:
    return {"specversion": "1.0", "subject": organisation, "time": time.isoformat(), **attributes}


class _RowErrors:
    """Say in which line of the file the reading failed."""

    def __init__(self, line: int) -> None:
        self.line = line

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError):
            raise BadRow(f"Line {self.line} has no column {error}: is it the right format?")
        if isinstance(error, ValueError | InvalidOperation | TypeError):
            raise BadRow(f"Line {self.line} cannot be read: {error}.") from error
