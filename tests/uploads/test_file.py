from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore import testing
from eventstore.events import Event
from tests.uploads.examples import NOON
from uploads.events import FileCompleted, FileDeleted, FilePartStored, FileStarted
from uploads.file import (
    MAX_NAME,
    MAX_PARTS,
    AlreadyStarted,
    File,
    FileIsComplete,
    FileIsIncomplete,
    Invalid,
    NoSuchFile,
    NotWhatWasExpected,
    Part,
    PartsMissing,
    Status,
)


def part(content: bytes, blob: UUID | None = None) -> Part:
    return Part(blob or uuid4(), len(content), sha256(content).hexdigest())


def do(file, events):
    """Apply what was decided, and return the bare events."""
    bare = [new.event for new in events]
    file.apply_all(bare)
    return bare


def started(*contents: bytes) -> File:
    file = File()
    do(file, file.start(name="a.bin", content_type="text/plain", now=NOON))
    for number, content in enumerate(contents, 1):
        do(file, file.store_part(number=number, part=part(content), now=NOON))
    return file


def completed(*contents: bytes) -> File:
    file = started(*contents)
    do(file, file.complete(now=NOON))
    return file


STARTED = FileStarted(name="a.bin", content_type="text/plain")


def stored(number: int, content: bytes, *, replaced: int = 0) -> FilePartStored:
    one = part(content, UUID(int=number))
    return FilePartStored(
        number=number, size=one.size, sha256=one.sha256, blob=one.blob, replaced_size=replaced
    )


def given_parts(*contents: bytes, then: Sequence[Event] = ()) -> testing.GivenAggregate[File]:
    """A file with these parts, and what happened to it then."""
    parts = [stored(number, content) for number, content in enumerate(contents, 1)]
    return testing.given(File, STARTED, *parts, *then)


def complete(**expected):
    return lambda file: file.complete(now=NOON, **expected)


def delete(file):
    return file.delete(now=NOON)


class TestStart:
    def test_opens_the_file(self):
        file = started()
        assert (file.status, file.name, file.content_type) == (Status.OPEN, "a.bin", "text/plain")

    def test_happens_once(self):
        with pytest.raises(AlreadyStarted):
            started().start(name="b.bin", content_type="text/plain", now=NOON)

    @pytest.mark.parametrize(
        "name", ['we said "no".txt', "../../etc/passwd", "żółć 🗿.pdf", "a\\b"]
    )
    def test_takes_names_that_are_only_strange(self, name):
        file = File()
        do(file, file.start(name=name, content_type="a/b", now=NOON))
        assert file.name == name

    @pytest.mark.parametrize(
        "name",
        ["", "x" * (MAX_NAME + 1), "a\r\nSet-Cookie: b=c", "a\n", "a\0", "a\u2028b", "\ud800"],
    )
    def test_refuses_names_that_could_do_harm(self, name):
        with pytest.raises(Invalid, match="name"):
            File().start(name=name, content_type="a/b", now=NOON)

    @pytest.mark.parametrize("content_type", ["", "text", "a/b\r\nX: y", "a/b; c=\x7f", "ä/b"])
    def test_refuses_content_types_that_are_none(self, content_type):
        with pytest.raises(Invalid, match="content type"):
            File().start(name="a", content_type=content_type, now=NOON)


class TestStorePart:
    def test_records_where_the_bytes_are(self):
        file, stored = started(), part(b"hello")
        [event] = do(file, file.store_part(number=7, part=stored, now=NOON))
        assert event == FilePartStored(number=7, size=5, sha256=stored.sha256, blob=stored.blob)

    def test_of_the_same_content_again_changes_nothing(self):
        assert started(b"one").store_part(number=1, part=part(b"one"), now=NOON) == []

    def test_of_other_content_takes_the_place_and_says_how_much_went(self):
        file = started(b"one")
        [event] = do(file, file.store_part(number=1, part=part(b"three"), now=NOON))
        assert isinstance(event, FilePartStored)
        assert (event.size, event.replaced_size, file.size) == (5, 3, 5)

    @pytest.mark.parametrize("number", [-1, 0, MAX_PARTS + 1])
    def test_refuses_a_number_that_is_none(self, number):
        with pytest.raises(Invalid, match=r"from 1 to 10000"):
            started().store_part(number=number, part=part(b""), now=NOON)

    def test_refuses_when_the_file_is_complete(self):
        with pytest.raises(FileIsComplete):
            completed(b"one").store_part(number=2, part=part(b"two"), now=NOON)

    def test_refuses_when_there_is_no_file(self):
        with pytest.raises(NoSuchFile):
            File().store_part(number=1, part=part(b""), now=NOON)


class TestComplete:
    def test_gives_the_size_of_all_parts(self):
        decided = given_parts(b"one", b"", b"three").when(complete(parts=3, size=8))
        decided.then(FileCompleted(size=8)).then_state(status=Status.COMPLETE)

    def test_again_changes_nothing(self):
        given_parts(b"one", then=[FileCompleted(size=3)]).when(complete(parts=1, size=3)).then()

    def test_refuses_without_any_part(self):
        given_parts().when(complete()).then_raises(PartsMissing, match="no parts yet")

    def test_refuses_a_hole_and_names_it(self):
        holed = given_parts(then=[stored(4, b"four")])
        holed.when(complete()).then_raises(PartsMissing, match="without its parts 1, 2, 3")

    def test_names_only_the_first_missing_parts(self):
        holed = given_parts(then=[stored(MAX_PARTS, b"last")])
        holed.when(complete()).then_raises(PartsMissing, match="9, 10 and 9989 more")

    @pytest.mark.parametrize("expected", [{"parts": 2}, {"size": 4}])
    @pytest.mark.parametrize("before", [[], [FileCompleted(size=3)]])
    def test_refuses_what_the_client_does_not_mean(self, expected, before):
        file = given_parts(b"one", then=before)
        file.when(complete(**expected)).then_raises(NotWhatWasExpected)


class TestDelete:
    def test_of_a_complete_file_says_its_size(self):
        decided = given_parts(b"one", then=[FileCompleted(size=3)]).when(delete)
        decided.then(FileDeleted(size=3)).then_state(parts={})

    def test_of_an_unfinished_file_counts_no_complete_bytes(self):
        given_parts(b"one").when(delete).then(FileDeleted(size=0, unfinished_size=3))

    def test_again_changes_nothing(self):
        given_parts(b"one", then=[FileDeleted(size=3)]).when(delete).then()

    def test_ends_everything_else(self):
        gone = given_parts(b"one", then=[FileDeleted(size=3)])
        gone.when(complete()).then_raises(NoSuchFile)
        with pytest.raises(NoSuchFile):
            gone.state.check_readable()

    def test_refuses_when_there_was_no_file(self):
        testing.given(File).when(delete).then_raises(NoSuchFile)


def test_only_a_complete_file_is_readable():
    completed(b"one").check_readable()
    with pytest.raises(FileIsIncomplete):
        started(b"one").check_readable()


puts = st.lists(st.tuples(st.integers(1, 6), st.binary(max_size=4)), min_size=1, max_size=30)


@given(puts=puts)
def test_a_file_is_the_last_content_of_each_number_in_whatever_order_they_came(puts):
    file, disk, stored, last = started(), {}, 0, {}
    for number, content in puts:
        blob = uuid4()
        disk[blob], last[number] = content, content
        for event in do(file, file.store_part(number=number, part=part(content, blob), now=NOON)):
            stored += event.size - event.replaced_size
    for number in range(1, max(last)):
        if number not in last:
            disk[blob := uuid4()], last[number] = b"fill", b"fill"
            do(file, file.store_part(number=number, part=part(b"fill", blob), now=NOON))
            stored += 4

    [event] = do(file, file.complete(now=NOON))

    expected = b"".join(last[number] for number in sorted(last))
    assert b"".join(disk[blob] for blob in file.blobs) == expected
    assert event.size == file.size == stored == len(expected)
