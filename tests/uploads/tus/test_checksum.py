"""The checksum extension, which tusd has not: nothing there to answer to."""

import base64
import hashlib

import pytest

from tests.uploads.tus.limits import MIB

ALGORITHMS = pytest.mark.parametrize("algorithm", ["sha1", "sha256"])


def checksum(algorithm, content):
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


@ALGORITHMS
class TestAMatch:
    def test_lets_the_chunk_in(self, tus, algorithm):
        url = tus.start(5)
        answer = tus.patch(url, 0, b"hello", Upload_Checksum=checksum(algorithm, b"hello"))
        assert (answer.status, answer.offset) == (204, 5)
        assert tus.content(url) == b"hello"

    def test_is_of_this_request_s_bytes_alone(self, tus, algorithm):
        url = tus.start(10)
        tus.patch(url, 0, b"hello", Upload_Checksum=checksum(algorithm, b"hello"))
        answer = tus.patch(url, 5, b"world", Upload_Checksum=checksum(algorithm, b"world"))
        assert (answer.status, tus.content(url)) == (204, b"helloworld")

    def test_lets_a_large_chunk_in(self, tus, algorithm):
        content = bytes(range(256)) * (3 * MIB // 256) + b"!"
        url = tus.start(len(content))
        answer = tus.patch(url, 0, content, Upload_Checksum=checksum(algorithm, content))
        assert (answer.status, tus.content(url) == content) == (204, True)

    def test_lets_a_chunk_without_a_length_in(self, tus, algorithm):
        url = tus.start(5)
        body, sum_ = [b"hel", b"lo"], checksum(algorithm, b"hello")
        assert tus.patch(url, 0, body, Upload_Checksum=sum_).offset == 5

    def test_may_be_of_nothing(self, tus, algorithm):
        answer = tus.patch(tus.start(5), 0, b"", Upload_Checksum=checksum(algorithm, b""))
        assert (answer.status, answer.offset) == (204, 0)


@ALGORITHMS
class TestAMismatch:
    @pytest.fixture
    def url(self, tus):
        url = tus.start(10)
        tus.patch(url, 0, b"hello")
        return url

    def test_is_460(self, tus, url, algorithm):
        sum_ = checksum(algorithm, b"world")
        assert tus.patch(url, 5, b"w0rld", Upload_Checksum=sum_).status == 460

    def test_keeps_nothing(self, tus, url, algorithm):
        tus.patch(url, 5, b"w0rld", Upload_Checksum=checksum(algorithm, b"world"))
        assert tus.head(url).offset == 5

    def test_completes_nothing(self, tus, url, algorithm, completions):
        tus.patch(url, 5, b"w0rld", Upload_Checksum=checksum(algorithm, b"world"))
        assert completions(url) == 0

    def test_lets_the_right_bytes_follow(self, tus, url, algorithm):
        sum_ = checksum(algorithm, b"world")
        tus.patch(url, 5, b"w0rld", Upload_Checksum=sum_)
        assert tus.patch(url, 5, b"world", Upload_Checksum=sum_).status == 204
        assert tus.content(url) == b"helloworld"

    def test_keeps_nothing_of_a_large_chunk(self, tus, algorithm):
        url = tus.start(4 * MIB)
        answer = tus.patch(url, 0, bytes(3 * MIB), Upload_Checksum=checksum(algorithm, b""))
        assert (answer.status, tus.head(url).offset) == (460, 0)

    def test_of_the_whole_upload_instead_of_the_request_is_one(self, tus, url, algorithm):
        sum_ = checksum(algorithm, b"helloworld")
        assert tus.patch(url, 5, b"world", Upload_Checksum=sum_).status == 460


@pytest.mark.parametrize(
    "header",
    [
        "md5 XUFAKrxLKna5cZ2REBfFkg==",
        "crc32 NhCmhg==",
        "sha512 AAAA",
        "shake_128 AAAA",
        "sha1",
        "sha1 ",
        "sha1 not base64!",
        "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ0",
        "sha1 AAAA",
        "sha256 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
        "sha1,qvTGHdzF6KLavt4PO0gs2a6pQ00=",
        "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
        "sha1 aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
        "",
    ],
)
class TestAHeaderThatIsNone:
    def test_is_400(self, tus, header):
        assert tus.patch(tus.start(5), 0, b"hello", Upload_Checksum=header).status == 400

    def test_stores_nothing(self, tus, header):
        url = tus.start(5)
        tus.patch(url, 0, b"hello", Upload_Checksum=header)
        assert tus.head(url).offset == 0


def test_a_wrong_offset_is_409_whatever_the_checksum(tus):
    url = tus.start(5)
    assert tus.patch(url, 3, b"lo", Upload_Checksum=checksum("sha1", b"lo")).status == 409
