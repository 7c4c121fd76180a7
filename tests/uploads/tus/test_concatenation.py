"""Answers to tusd's concat_test.go; finals that are repeated or outlive parts: test_finals.py.

tusd's CreateWithUnfinishedFail is turned round: concatenation-unfinished is spoken here. Its
DisableConcatenation is left out, as it cannot be disabled; ids with slashes are not to be had.
"""

from uuid import uuid4

import pytest

from tests.uploads.tus.client import path_of
from tests.uploads.tus.conftest import as_program
from tests.uploads.tus.limits import MAX_PARTS, MAX_SIZE, MIB


class TestAPartial:
    def test_is_created_as_any_upload(self, tus):
        assert tus.create(300, Upload_Concat="partial").status == 201

    def test_says_that_it_is_one(self, tus):
        answer = tus.head(tus.start(300, Upload_Concat="partial"))
        assert (answer["Upload-Concat"], answer.offset) == ("partial", 0)

    def test_says_so_when_it_is_complete(self, tus):
        answer = tus.head(tus.partial(b"hello"))
        assert (answer["Upload-Concat"], answer.offset) == ("partial", 5)

    def test_is_no_completed_file(self, tus, completions):
        assert completions(tus.partial(b"hello")) == 0

    def test_is_no_file_to_download(self, tus):
        assert tus.get(tus.partial(b"hello")).status == 409

    @pytest.mark.parametrize("value", ["Partial", "partial;", "whole", "final", "finally;/a"])
    def test_is_called_exactly_so(self, tus, value):
        assert tus.create(5, Upload_Concat=value).status == 400


class TestAFinal:
    def test_is_its_parts_in_the_order_of_the_list(self, tus):
        one, two, three = (tus.partial(content) for content in (b"one", b"two", b"three"))
        assert tus.content(tus.final(three, one, two).location) == b"threeonetwo"

    def test_is_complete_at_once(self, tus):
        answer = tus.final(tus.partial(b"hello"), tus.partial(b"world"))
        assert (answer.status, answer.body) == (201, b"")
        assert (tus.head(answer.location).offset, tus.head(answer.location)["Upload-Length"]) == (
            10,
            "10",
        )

    def test_is_completed_once(self, tus, completions):
        assert completions(tus.final(tus.partial(b"hello")).location) == 1

    def test_does_not_expire(self, tus):
        assert tus.final(tus.partial(b"hello"))["Upload-Expires"] is None

    def test_may_be_of_one_part(self, tus):
        assert tus.content(tus.final(tus.partial(b"hello")).location) == b"hello"

    def test_may_have_empty_parts(self, tus):
        parts = [tus.partial(), tus.partial(b"hello"), tus.partial(), tus.partial(b"world")]
        assert tus.content(tus.final(*parts).location) == b"helloworld"

    def test_may_be_empty(self, tus):
        assert tus.content(tus.final(tus.partial(), tus.partial()).location) == b""

    def test_may_have_parts_that_came_in_pieces(self, tus):
        parts = [tus.partial(b"h", b"e", b"llo"), tus.partial(b"wor", b"ld")]
        assert tus.content(tus.final(*parts).location) == b"helloworld"

    def test_may_be_large(self, tus):
        contents = [bytes([number]) * (MIB + number) for number in range(4)]
        url = tus.final(*map(tus.partial, contents)).location
        assert tus.content(url) == b"".join(contents)

    def test_may_say_the_length_which_then_is_ignored_or_right(self, tus):
        answer = tus.create(5, Upload_Concat=f"final;{tus.partial(b'hello')}")
        assert answer.status in {201, 400}


class TestTheHeaderOfAFinal:
    @pytest.fixture
    def parts(self, tus):
        return [tus.partial(b"hello"), tus.partial(b"world")]

    @pytest.fixture(params=["absolute", "paths", "mixed", "spaced", "slashed", "two spaces"])
    def header(self, request, parts):
        one, two = parts
        return {
            "absolute": f"final;{one} {two}",
            "paths": f"final;{path_of(one)} {path_of(two)}",
            "mixed": f"final;{one} {path_of(two)}",
            "spaced": f"final; {one} {path_of(two)}",
            "slashed": f"final; {one} {path_of(two)}/",
            "two spaces": f"final;{one}  {two}",
        }[request.param]

    def test_may_have_addresses_of_every_kind(self, tus, header):
        answer = tus.create(Upload_Concat=header)
        assert (answer.status, tus.content(answer.location)) == (201, b"helloworld")

    def test_comes_back_exactly_as_it_was(self, tus, header):
        url = tus.create(Upload_Concat=header).location
        assert tus.head(url)["Upload-Concat"] == header

    @pytest.mark.parametrize("value", ["final;", "final; ", "final;not-an-address", "final;/", "f"])
    def test_without_an_address_is_refused(self, tus, value):
        answer = tus.create(Upload_Concat=value)
        assert (answer.status in {400, 404}, answer["Location"]) == (True, None)

    def test_may_have_as_many_parts_as_the_setting_says(self, tus):
        url = tus.final(*[tus.partial(b"x")] * MAX_PARTS).location
        assert tus.content(url) == b"x" * MAX_PARTS

    def test_with_more_parts_is_400_which_says_how_many_are_allowed(self, tus):
        answer = tus.final(*[tus.partial(b"x")] * (MAX_PARTS + 1))
        assert answer.status == 400
        assert str(MAX_PARTS) in answer.problem["detail"]

    def test_may_be_as_long_as_more_parts_need_where_the_setting_allows_them(
        self, serving, organisation
    ):
        tus = as_program(serving(MAX_CONCAT_PARTS="4000"), organisation)
        url = tus.final(*[tus.partial(b"x")] * 4000).location
        assert tus.content(url) == b"x" * 4000

    def test_may_have_a_thousand_absolute_addresses_by_default(self, other):
        url = other.final(*[other.partial(b"x"), other.partial(b"y")] * 500).location
        assert other.content(url) == b"xy" * 500


class TestAPartThatIsNone:
    @pytest.mark.parametrize("with_others", [False, True])
    def test_because_it_is_unknown_is_404(self, tus, with_others):
        parts = [f"{tus.endpoint}{uuid4()}", *([tus.partial(b"x")] if with_others else [])]
        assert tus.final(*parts).status == 404

    def test_because_it_is_another_organisation_s_is_404(self, tus, strange):
        assert tus.final(tus.partial(b"x"), strange.partial(b"x")).status == 404

    def test_because_it_claims_to_be_ours_and_is_not_is_404(self, tus, strange):
        foreign = strange.partial(b"x").rpartition("/")[2]
        assert tus.final(f"{tus.endpoint}{foreign}").status == 404

    @pytest.mark.parametrize("host", ["http://evil.example.com", "https://evil.example.com:8443"])
    def test_because_it_is_on_another_host_is_404(self, tus, host):
        assert tus.final(f"{host}{path_of(tus.partial(b'x'))}").status == 404

    def test_because_it_is_a_whole_file_is_400(self, tus):
        assert tus.final(tus.upload(b"hello")).status == 400

    def test_because_it_is_an_unfinished_file_is_400(self, tus):
        assert tus.final(tus.start(5)).status == 400

    def test_because_it_is_a_final_is_400(self, tus):
        assert tus.final(tus.final(tus.partial(b"x")).location).status == 400

    def test_because_it_was_deleted_is_refused(self, tus):
        tus.delete(gone := tus.partial(b"x"))
        assert tus.final(gone).status in {400, 404, 410}

    @pytest.mark.parametrize("path", ["../x", "..%2f..%2fetc/passwd", "", "?a=b", "a/b"])
    def test_because_it_is_no_id_is_404(self, tus, path):
        assert tus.final(f"{tus.endpoint}{path}").status in {400, 404}


class TestTooMuch:
    def test_of_all_parts_together_is_413(self, tus):
        part = tus.start(MAX_SIZE // 2 + 1, Upload_Concat="partial")
        assert tus.final(part, part).status == 413

    def test_begins_above_the_maximum(self, tus):
        part = tus.start(MAX_SIZE // 2, Upload_Concat="partial")
        assert tus.final(part, part).status == 201


class TestBytesForAFinal:
    @pytest.mark.parametrize("body", [b"", b"hello"])
    @pytest.mark.parametrize("offset", [0, 5, 10])
    def test_are_403(self, tus, offset, body):
        url = tus.final(tus.partial(b"hello")).location
        assert tus.patch(url, offset, body).status == 403
        assert tus.content(url) == b"hello"

    def test_are_403_also_while_a_part_is_unfinished(self, tus):
        url = tus.final(tus.start(5, Upload_Concat="partial")).location
        assert tus.patch(url, 0, b"hello").status == 403


class TestAnUnfinishedPart:
    @pytest.fixture
    def parts(self, tus):
        return [
            tus.partial(b"hello"),
            tus.start(5, Upload_Concat="partial"),
            tus.start(None, Upload_Concat="partial"),
        ]

    @pytest.fixture
    def url(self, tus, parts):
        answer = tus.final(*parts)
        assert answer.status == 201
        return answer.location

    def test_leaves_the_final_without_an_offset(self, tus, url, parts):
        answer = tus.head(url)
        assert (answer.status, answer["Upload-Offset"]) == (200, None)
        assert answer["Upload-Concat"] == f"final;{' '.join(parts)}"

    def test_leaves_nothing_to_download(self, tus, url):
        assert 400 <= tus.get(url).status < 500

    def test_completes_the_final_when_it_is_the_last_to_end(self, tus, url, parts, completions):
        tus.patch(parts[2], 0, b"!", Upload_Length="1")
        assert (tus.head(url)["Upload-Offset"], completions(url)) == (None, 0)
        tus.patch(parts[1], 0, b"world")
        assert (tus.head(url)["Upload-Offset"], completions(url)) == ("11", 1)
        assert tus.content(url) == b"helloworld!"

    def test_that_is_deleted_never_lets_the_final_end(self, tus, url, parts):
        tus.delete(parts[1])
        tus.patch(parts[2], 0, b"!", Upload_Length="1")
        assert tus.head(url)["Upload-Offset"] is None
