"""What may happen to an upload, without a database."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.events import FileCompleted, FileDeleted, FileExpired, FilePartStored, FileStarted
from uploads.file import (
    MAX_NAME,
    UNNAMED,
    AlreadyStarted,
    File,
    Kind,
    NoSuchFile,
    NotToBeChanged,
    OutOfPlace,
    Status,
    clean_content_type,
    clean_name,
)

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
SEGMENT = UUID(int=7)


def started(kind=Kind.PLAIN, length=None):
    return FileStarted(name="a.bin", content_type="text/plain", kind=kind, length=length)


def stored(size, start=0):
    return FilePartStored(start=start, size=size, sha256="00", segment=SEGMENT)


def state_after(*events):
    file = File()
    file.apply_all(list(events))
    return file


def decided(new):
    return [one.event for one in new]


def store(file, *, start, size):
    return decided(file.store(start=start, size=size, sha256="00", segment=SEGMENT, now=NOON))


class TestStart:
    def test_says_what_is_uploaded(self):
        [event] = decided(
            File().start(name="a.bin", content_type="text/plain", length=5, metadata="m", now=NOON)
        )
        assert event == FileStarted(
            name="a.bin", content_type="text/plain", kind="plain", length=5, metadata="m"
        )

    def test_happens_once(self):
        with pytest.raises(AlreadyStarted):
            state_after(started()).start(name="b", content_type="text/plain", now=NOON)


class TestBytes:
    def test_follow_each_other(self):
        file = state_after(started(length=8), stored(3))
        assert store(file, start=3, size=5) == [stored(5, start=3)]

    @pytest.mark.parametrize("start", [0, 2, 4])
    def test_leave_no_hole_and_overlap_nothing(self, start):
        with pytest.raises(OutOfPlace):
            store(state_after(started(length=8), stored(3)), start=start, size=1)

    def test_do_not_go_beyond_the_length(self):
        with pytest.raises(OutOfPlace):
            store(state_after(started(length=8), stored(3)), start=3, size=6)

    def test_are_not_for_a_complete_file(self):
        with pytest.raises(NotToBeChanged):
            store(state_after(started(), stored(3), FileCompleted(size=3)), start=3, size=1)

    def test_are_not_for_a_file_of_parts(self):
        with pytest.raises(NotToBeChanged):
            store(state_after(started(Kind.FINAL)), start=0, size=1)

    @pytest.mark.parametrize("end", [FileDeleted(size=0), FileExpired(unfinished_size=0)])
    def test_are_not_for_what_is_gone(self, end):
        with pytest.raises(NoSuchFile):
            store(state_after(started(), end), start=0, size=1)


class TestCompletion:
    def test_is_said_once(self):
        file = state_after(started(), stored(3))
        assert decided(file.complete(size=3, now=NOON)) == [FileCompleted(size=3)]
        file.apply(FileCompleted(size=3))
        assert file.complete(size=3, now=NOON) == []

    def test_needs_all_bytes(self):
        with pytest.raises(OutOfPlace):
            state_after(started(), stored(3)).complete(size=4, now=NOON)

    def test_of_parts_says_what_others_have_too(self):
        file = state_after(started(Kind.FINAL))
        assert decided(file.complete(size=9, shared=4, now=NOON)) == [
            FileCompleted(size=9, shared=4)
        ]


class TestDeletion:
    def test_of_a_file_takes_its_bytes_along(self):
        file = state_after(started(), stored(3), FileCompleted(size=3))
        assert decided(file.delete(now=NOON)) == [FileDeleted(size=3)]

    def test_of_a_file_leaves_what_others_have(self):
        file = state_after(started(Kind.FINAL), FileCompleted(size=9))
        assert decided(file.delete(shared=4, now=NOON)) == [FileDeleted(size=9, shared=4)]

    def test_of_an_unfinished_upload_takes_what_there_is(self):
        file = state_after(started(), stored(3))
        assert decided(file.delete(now=NOON)) == [FileDeleted(size=0, unfinished_size=3)]

    def test_of_a_part_leaves_its_bytes_to_the_file(self):
        file = state_after(started(Kind.PARTIAL), stored(3))
        assert decided(file.delete(part_of_a_file=True, now=NOON)) == [FileDeleted(size=0)]

    def test_is_said_once(self):
        assert state_after(started(), FileDeleted(size=0)).delete(now=NOON) == []

    def test_of_what_never_was_is_refused(self):
        with pytest.raises(NoSuchFile):
            File().delete(now=NOON)


class TestExpiry:
    def test_takes_what_there_is(self):
        file = state_after(started(), stored(3))
        assert decided(file.expire(now=NOON)) == [FileExpired(unfinished_size=3)]

    def test_of_a_part_leaves_its_bytes_to_the_file(self):
        file = state_after(started(Kind.PARTIAL), stored(3))
        assert decided(file.expire(part_of_a_file=True, now=NOON)) == [
            FileExpired(unfinished_size=0)
        ]

    def test_is_not_for_files(self):
        file = state_after(started(), stored(3), FileCompleted(size=3))
        assert file.expire(now=NOON) == []

    def test_is_said_once(self):
        assert state_after(started(), FileExpired(unfinished_size=0)).expire(now=NOON) == []


class TestName:
    @given(st.text())
    def test_is_always_one_line_of_a_header(self, name):
        clean = clean_name(name)
        assert 1 <= len(clean) <= MAX_NAME
        assert clean.isprintable() or " " in clean or not clean.isascii()
        assert not {"\r", "\n", "/", "\\"} & set(clean)

    @given(st.text())
    def test_is_clean_once_it_was_cleaned(self, name):
        assert clean_name(clean_name(name)) == clean_name(name)

    @pytest.mark.parametrize(
        ("given_name", "clean"),
        [
            ("a.txt", "a.txt"),
            ("żółć 🗿.pdf", "żółć 🗿.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\boot.ini", "boot.ini"),
            ("evil\u202efdp.exe", "evilfdp.exe"),
            ("a\r\nSet-Cookie: b", "aSet-Cookie: b"),
            ("", UNNAMED),
            ("..", UNNAMED),
            ("x" * 300, "x" * MAX_NAME),
        ],
    )
    def test_keeps_what_harms_nobody(self, given_name, clean):
        assert clean_name(given_name) == clean


@pytest.mark.parametrize(
    ("given_type", "clean"),
    [
        ("image/png", "image/png"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("text/html\r\nX: y", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("image/" + "x" * 300, "application/octet-stream"),
    ],
)
def test_a_content_type_is_one_or_that_of_unknown_bytes(given_type, clean):
    assert clean_content_type(given_type) == clean


def test_an_old_part_that_replaced_another_counts_the_difference():
    file = state_after(
        started(),
        FilePartStored(start=None, size=5, sha256="00", segment=SEGMENT),
        FilePartStored(start=None, size=7, sha256="00", segment=SEGMENT, replaced_size=5),
    )
    assert (file.size, file.status) == (7, Status.OPEN)
