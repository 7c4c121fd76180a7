"""Archives as files: whatever is stored comes back, and any change of it shows."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.archiving import files
from billing.archiving.files import BrokenFile, Row

OWNER = UUID(int=7)

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
times = st.integers(0, 10**16).map(lambda late: FIRST + timedelta(microseconds=late))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
rows = st.builds(
    Row,
    position=st.integers(1, 2**62),
    stream_id=st.uuids(),
    version=st.integers(1, 2**40),
    event_id=st.uuids(),
    type=texts,
    schema_version=st.integers(1, 9),
    occurred_at=times,
    recorded_at=times,
    data=texts,
    metadata=texts,
)


def encode(some):
    return files.encode(some, organisation_id=OWNER, about={"month": "2026-09-01"})


def digest(some):
    return files.link(b"", some, organisation_id=OWNER)


@given(st.lists(rows, min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_rows_come_back_as_they_were(some):
    file = encode(some)
    assert list(files.decode(file.content)) == some
    assert encode(iter(some)) == file
    assert file.positions == [row.position for row in some]
    assert file.digest == digest(some)
    moments = [row.occurred_at for row in some]
    assert (file.first_at, file.last_at) == (min(moments), max(moments))


def test_a_file_of_many_rows_is_written_and_read_by_the_portion(monkeypatch):
    monkeypatch.setattr(files, "AT_A_TIME", 2)
    rows = [
        Row(n, OWNER, n, OWNER, "t", 1, FIRST + timedelta(days=9 - n), FIRST, "{}", "{}")
        for n in range(1, 6)
    ]
    file = encode(iter(rows))
    assert pq.ParquetFile(pa.BufferReader(file.content)).num_row_groups == 3
    assert (file.first_at, file.last_at) == (rows[-1].occurred_at, rows[0].occurred_at)
    assert file.digest == digest(rows)
    assert list(files.decode(file.content)) == rows


def test_of_no_rows_there_is_no_file():
    assert encode([]) is None


@given(st.lists(rows, min_size=1, max_size=3), st.integers(0, 9), st.data())
@settings(max_examples=50, deadline=None)
def test_any_other_value_makes_another_digest(some, column, choice):
    n = choice.draw(st.integers(0, len(some) - 1))
    other = choice.draw(rows)
    changed = list(some)
    name = Row._fields[column]
    changed[n] = some[n]._replace(**{name: getattr(other, name)})
    same = changed[n][1:] == some[n][1:]  # positions are no content: they are the order
    assert (digest(some) == digest(changed)) == same


def test_a_file_says_of_itself_what_it_is(tmp_path):
    row = Row(1, OWNER, 1, OWNER, "t", 1, FIRST, FIRST, data="{}", metadata="{}")
    path = tmp_path / "one.parquet"
    path.write_bytes(encode([row]).content)
    says = pq.ParquetFile(path).metadata
    assert says.metadata[b"catacloud.month"] == b"2026-09-01"
    assert says.metadata[files.ROWS_DIGEST.encode()] == digest([row]).hex().encode()
    assert says.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 99])
def test_what_is_no_archive_is_refused(content):
    with pytest.raises(BrokenFile, match="no Parquet file"):
        list(files.decode(content))
