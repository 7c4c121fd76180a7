"""Answers to tusd's get_test.go, and to TestFilterContentType of its unrouted_handler_test.go.

An unfinished upload is no file here: tusd sends what it has of it. An empty file is 200, not 204.
"""

import pytest

from tests.uploads.tus.client import metadata
from tests.uploads.tus.limits import MIB

DIGITS = b"0123456789"


@pytest.fixture
def tus(reader):
    return reader


@pytest.fixture(params=["one piece", "many pieces", "a final", "a final of pieces"], scope="module")
def url(request, reader):
    """The address of a file of ten digits, which lies in different ways on the disk."""
    tus = reader
    return {
        "one piece": lambda: tus.upload(DIGITS),
        "many pieces": lambda: tus.upload(*(bytes([digit]) for digit in DIGITS)),
        "a final": lambda: tus.final(tus.partial(b"0123"), tus.partial(b"456789")).location,
        "a final of pieces": lambda: (
            tus.final(
                tus.partial(b"0", b"12"), tus.partial(), tus.partial(b"345", b"6789")
            ).location
        ),
    }[request.param]()


def described(tus, **pairs):
    answer = tus.get(tus.upload(b"hello", Upload_Metadata=metadata(**pairs)))
    return answer["Content-Type"], answer["Content-Disposition"]


class TestContent:
    def test_is_the_file(self, tus, url):
        answer = tus.get(url)
        assert (answer.status, answer.body, answer["Content-Length"]) == (200, DIGITS, "10")

    def test_may_be_empty(self, tus):
        answer = tus.get(tus.upload())
        assert (answer.status, answer.body, answer["Content-Length"]) == (200, b"", "0")

    def test_may_be_large(self, tus):
        content = bytes(range(256)) * (5 * MIB // 256) + b"end"
        assert tus.content(tus.upload(content)) == content

    def test_of_an_unfinished_upload_is_409(self, tus):
        url = tus.start(10)
        tus.patch(url, 0, b"hello")
        assert tus.get(url).status == 409

    def test_is_never_guessed_by_the_browser(self, tus, url):
        assert tus.get(url)["X-Content-Type-Options"] == "nosniff"

    def test_is_never_kept_by_a_cache_for_other_people(self, tus, url):
        assert "public" not in tus.get(url).names("Cache-Control")


class TestRange:
    @pytest.mark.parametrize(
        ("asked", "first", "end"),
        [
            ("bytes=0-0", 0, 1),
            ("bytes=0-9", 0, 10),
            ("bytes=2-4", 2, 5),
            ("bytes=3-6", 3, 7),
            ("bytes=5-", 5, 10),
            ("bytes=9-", 9, 10),
            ("bytes=-3", 7, 10),
            ("bytes=-100", 0, 10),
            ("bytes=7-1000", 7, 10),
        ],
    )
    def test_is_a_part_of_the_file(self, tus, url, asked, first, end):
        answer = tus.get(url, Range=asked)
        assert (answer.status, answer.body) == (206, DIGITS[first:end])
        assert answer["Content-Range"] == f"bytes {first}-{end - 1}/10"
        assert answer["Content-Length"] == str(end - first)

    @pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0"])
    def test_behind_the_end_is_416_and_told_where_that_is(self, tus, url, asked):
        answer = tus.get(url, Range=asked)
        assert (answer.status, answer["Content-Range"]) == (416, "bytes */10")

    @pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=x-y", "bytes=", "lines=1-2", "5-"])
    def test_that_is_none_is_ignored(self, tus, asked):
        answer = tus.get(tus.upload(DIGITS), Range=asked)
        assert (answer.status, answer.body) == (200, DIGITS)

    def test_is_offered(self, tus, url):
        assert tus.get(url)["Accept-Ranges"] == "bytes"

    def test_of_the_file_that_the_client_began_with_goes_on(self, tus, url):
        etag = tus.get(url)["ETag"]
        assert tus.get(url, Range="bytes=5-", If_Range=etag).body == b"56789"

    def test_of_another_file_than_the_client_began_with_starts_anew(self, tus, url):
        answer = tus.get(url, Range="bytes=5-", If_Range='"another"')
        assert (answer.status, answer.body) == (200, DIGITS)

    def test_of_a_large_file_is_exact(self, tus):
        parts = [bytes([number]) * MIB for number in range(3)]
        url = tus.final(*map(tus.partial, parts)).location
        answer = tus.get(url, Range=f"bytes={MIB - 5}-{2 * MIB + 4}")
        assert answer.body == b"".join(parts)[MIB - 5 : 2 * MIB + 5]


class TestETag:
    def test_spares_a_second_download(self, tus, url):
        etag = tus.get(url)["ETag"]
        answer = tus.get(url, If_None_Match=etag)
        assert (answer.status, answer.body, answer["ETag"]) == (304, b"", etag)

    def test_of_another_file_does_not(self, tus, url):
        other = tus.get(tus.upload(b"other"))["ETag"]
        assert tus.get(url, If_None_Match=other).status == 200

    def test_of_another_file_refuses_who_wants_this_one_or_none(self, tus, url):
        assert tus.get(url, If_Match='"another"').status == 412


class TestTypeAndName:
    def test_of_a_file_without_metadata_say_nothing(self, tus):
        answer = tus.get(tus.upload(b"hello"))
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")

    @pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
    def test_of_a_picture_let_the_browser_show_it(self, tus, kind):
        kind_and_place = described(tus, filename="pet.png", filetype=kind)
        assert kind_and_place == (kind, 'inline; filename="pet.png"')

    @pytest.mark.parametrize(
        "kind",
        [
            "application/zip",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document.v1",
            "text/html",
            "TEXT/HTML",
            "text/html; charset=utf-8",
            "application/xhtml+xml",
            "image/svg+xml",
            "text/xml",
            "application/javascript",
            "text/javascript",
            "multipart/x-mixed-replace",
        ],
    )
    def test_of_what_may_run_make_the_browser_save_it(self, tus, kind):
        assert described(tus, filename="a.bin", filetype=kind)[1] == 'attachment; filename="a.bin"'

    @pytest.mark.parametrize(
        "kind",
        [
            "non a valid mime type",
            "image",
            "image/",
            "/png",
            "image/png/x",
            "text/plain; invalid-param",
            "text/plain; charset=utf-8; charset=us-ascii",
            "żółty/kot",
        ],
    )
    def test_of_no_media_type_are_bytes_to_save(self, tus, kind):
        assert described(tus, filename="pet.imt", filetype=kind) == (
            "application/octet-stream",
            'attachment; filename="pet.imt"',
        )

    def test_with_parameters_are_kept(self, tus):
        kind, _ = described(tus, filename="pet.opus", filetype="audio/ogg; codecs=opus")
        assert kind == "audio/ogg; codecs=opus"

    def test_may_be_under_the_keys_of_the_other_client(self, tus):
        kind_and_place = described(tus, name="pet.png", type="image/png")
        assert kind_and_place == ("image/png", 'inline; filename="pet.png"')

    def test_with_a_quote_stay_inside_it(self, tus):
        assert described(tus, filename='file.jpg"evil', filetype="image/jpeg") == (
            "image/jpeg",
            r'inline; filename="file.jpg\"evil"',
        )

    def test_in_any_language_are_encoded(self, tus):
        _, place = described(tus, filename="żółć.pdf")
        assert place == "attachment; filename*=utf-8''%C5%BC%C3%B3%C5%82%C4%87.pdf"

    def test_of_a_final_are_its_own(self, tus):
        part = tus.upload(b"x", Upload_Concat="partial", Upload_Metadata=metadata(filename="part"))
        url = tus.final(part, Upload_Metadata=metadata(filename="whole")).location
        assert tus.get(url)["Content-Disposition"] == 'attachment; filename="whole"'


def test_a_deleted_file_is_410(tus):
    tus.delete(url := tus.upload(b"hello"))
    assert tus.get(url).status == 410
