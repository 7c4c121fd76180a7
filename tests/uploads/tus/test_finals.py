"""Finals that are repeated, parts that are reused or deleted: what tusd does not test, or fails.

tusd's issue 1364: a final that is posted again after a lost answer makes a second file.
"""

import pytest

from tests.uploads.tus.client import metadata, path_of


@pytest.fixture
def parts(tus):
    return [tus.partial(b"hello"), tus.partial(b"world")]


class TestTheSameFinalAgain:
    def test_has_the_same_location(self, tus, parts):
        first, second = tus.final(*parts), tus.final(*parts)
        assert (first.status, second.status) == (201, 201)
        assert first.location == second.location

    def test_is_completed_once(self, tus, parts, completions):
        url = tus.final(*parts).location
        tus.final(*parts)
        assert completions(url) == 1

    def test_is_the_same_whatever_way_its_parts_are_written(self, tus, parts):
        paths = [path_of(part) for part in parts]
        again = tus.create(Upload_Concat=f"final; {' '.join(paths)}/")
        assert tus.final(*parts).location == again.location

    def test_keeps_the_header_that_it_was_created_with(self, tus, parts):
        url = tus.final(*parts).location
        tus.final(*map(path_of, parts))
        assert tus.head(url)["Upload-Concat"] == f"final;{' '.join(parts)}"

    def test_is_the_same_with_the_same_metadata(self, tus, parts):
        name = metadata(filename="a.bin")
        first = tus.final(*parts, Upload_Metadata=name).location
        assert tus.final(*parts, Upload_Metadata=name).location == first

    def test_is_the_same_after_its_parts_were_deleted(self, tus, parts):
        first = tus.final(*parts)
        for part in parts:
            tus.delete(part)
        again = tus.final(*parts)
        assert (again.status, again["Location"]) in {
            (201, first.location),
            (404, None),
            (410, None),
        }

    def test_is_the_same_while_its_parts_are_unfinished(self, tus):
        part = tus.start(5, Upload_Concat="partial")
        first = tus.final(part).location
        assert tus.final(part).location == first
        tus.patch(part, 0, b"hello")
        assert tus.final(part).location == first
        assert tus.content(first) == b"hello"

    def test_is_not_the_first_when_that_was_deleted(self, tus, parts):
        first = tus.final(*parts).location
        tus.delete(first)
        again = tus.final(*parts)
        assert again.status in {404, 410} or tus.content(again.location) == b"helloworld"
        assert tus.head(first).status == 410


class TestAnotherFinal:
    def test_has_other_metadata(self, tus, parts):
        first = tus.final(*parts, Upload_Metadata=metadata(filename="a")).location
        assert tus.final(*parts, Upload_Metadata=metadata(filename="b")).location != first

    def test_has_another_order(self, tus, parts):
        first, second = tus.final(*parts).location, tus.final(*reversed(parts)).location
        assert (tus.content(first), tus.content(second)) == (b"helloworld", b"worldhello")

    def test_has_parts_of_the_same_content(self, tus):
        first = tus.final(tus.partial(b"hello")).location
        assert tus.final(tus.partial(b"hello")).location != first


class TestAPart:
    def test_may_stand_twice_in_a_list(self, tus, parts):
        one, two = parts
        assert tus.content(tus.final(one, two, one).location) == b"helloworldhello"

    def test_may_stand_twice_in_a_list_while_it_is_unfinished(self, tus):
        part = tus.start(5, Upload_Concat="partial")
        url = tus.final(part, part).location
        tus.patch(part, 0, b"hello")
        assert tus.content(url) == b"hellohello"

    def test_may_be_in_several_finals(self, tus, parts):
        one, two = parts
        urls = [tus.final(one, two).location, tus.final(one).location, tus.final(two).location]
        assert [tus.content(url) for url in urls] == [b"helloworld", b"hello", b"world"]

    def test_can_be_asked_for_its_offset_after_the_final(self, tus, parts):
        tus.final(*parts)
        answers = [tus.head(part) for part in parts]
        assert [(one.status, one.offset, one["Upload-Length"]) for one in answers] == [
            (200, 5, "5"),
            (200, 5, "5"),
        ]

    def test_can_be_deleted_without_harm_to_the_final(self, tus, parts):
        url = tus.final(*parts).location
        assert [tus.delete(part).status for part in parts] == [204, 204]
        assert tus.head(url).offset == 10
        assert tus.content(url) == b"helloworld"

    def test_goes_with_its_only_final_because_nobody_pays_for_it_then(self, tus, parts):
        tus.delete(tus.final(*parts).location)
        assert [tus.head(part).status for part in parts] == [410, 410]

    def test_of_two_finals_outlives_the_one_for_the_other(self, tus, parts):
        one, two = tus.final(*parts).location, tus.final(*reversed(parts)).location
        for url in (one, *parts):
            tus.delete(url)
        assert tus.content(two) == b"worldhello"


def test_an_abort_as_of_tus_js_client_deletes_the_parts_and_then_the_final(tus, parts):
    url = tus.final(*parts).location
    assert [tus.delete(one).status for one in (*parts, url)] == [204, 204, 204]
    assert [tus.head(one).status for one in (*parts, url)] == [410, 410, 410]


def test_an_abort_that_reaches_the_final_first_is_told_the_same(tus, parts):
    url = tus.final(*parts).location
    assert [tus.delete(one).status for one in (url, *parts)] == [204, 204, 204]
