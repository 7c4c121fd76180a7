"""Answers to TestParseMetadataHeader of tusd's unrouted_handler_test.go, and beyond: CR and LF."""

import re

import pytest

from tests.uploads.tus.client import encoded, metadata

ECHOED = [
    "filename d29ybGQ=",
    "foo aGVsbG8=,bar d29ybGQ=",
    "foo aGVsbG8=, bar d29ybGQ=,  baz d29ybGQ=",
    "k1 aGVsbG8=, k2, k3 , k4 d29ybGQ=",
    "is_confidential",
    "k1 aGVsbG8=,k1 d29ybGQ=",
    "CaseMatters aGVsbG8=",
    "relativePath bnVsbA==,type aW1hZ2UvcG5n",
    f"long {encoded('x' * 3000)}",
    f"binary {encoded(bytes(range(256)))}",
]
REFUSED = [
    "k1 INVALID",
    "k1 aGVsbG8=, hah INVALID, bar d29ybGQ=",
    "k1 aGVsbG8",
    "k1 aGVs bG8=",
    "k1 aGV$bG8=",
    "k1 -_-_",
    ",",
    "k1 aGVsbG8=,,k2 d29ybGQ=",
    " aGVsbG8=,k2 d29ybGQ=,",
    "k\xe9y aGVsbG8=",
]

NASTY = [
    "a\r\nSet-Cookie: evil=1",
    "a\nX-Evil: 1\n\n<script>",
    "\r\n\r\nHTTP/1.1 200 OK",
    "a\0b",
    'a"; filename="evil.exe',
    "a\\",
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\boot.ini",
    "a\u2028b\x85c",
    b"\xff\xfe not utf-8",
    b"",
    "..",
    "x" * 3000,
]


def name_of(tus, header):
    """Return the header in which the name of a file of such metadata comes back to the world."""
    return tus.get(tus.upload(b"hello", Upload_Metadata=header))["Content-Disposition"]


class TestEcho:
    @pytest.mark.parametrize("header", ECHOED)
    def test_is_what_was_received(self, tus, header):
        assert tus.head(tus.start(5, Upload_Metadata=header))["Upload-Metadata"] == header.strip()

    @pytest.mark.parametrize("header", ECHOED)
    def test_is_the_same_when_the_upload_is_complete(self, tus, header):
        url = tus.upload(b"hello", Upload_Metadata=header)
        assert tus.head(url)["Upload-Metadata"] == header.strip()

    def test_of_a_final_is_that_of_its_own_request(self, tus):
        part = tus.upload(b"hello", Upload_Concat="partial", Upload_Metadata=metadata(name="part"))
        url = tus.final(part, Upload_Metadata=metadata(name="whole")).location
        assert tus.head(url)["Upload-Metadata"] == metadata(name="whole")


@pytest.mark.parametrize("header", REFUSED)
def test_a_pair_that_is_none_is_400(tus, header):
    answer = tus.create(5, Upload_Metadata=header)
    assert (answer.status, answer["Location"]) == (400, None)


@pytest.mark.parametrize("header", ["", " "])
def test_an_empty_header_is_as_none_because_tuspy_sends_it(tus, header):
    answer = tus.create(5, Upload_Metadata=header)
    assert answer.status == 201
    assert not tus.head(answer.location)["Upload-Metadata"]


def test_the_last_of_two_values_of_a_key_wins(tus):
    assert name_of(tus, "filename YQ==,filename Yg==") == 'attachment; filename="b"'


@pytest.mark.parametrize("key", ["filename", "name"])
def test_the_name_may_be_under_the_key_of_either_client(tus, key):
    assert name_of(tus, metadata(**{key: "a.bin"})) == 'attachment; filename="a.bin"'


@pytest.fixture(params=NASTY, scope="module", ids=range(len(NASTY)))
def answer(request, reader):
    """The download of a file of five bytes with a nasty name."""
    created = reader.create(5, b"hello", Upload_Metadata=metadata(filename=request.param))
    if created.status == 400:
        pytest.skip("Such a name is refused.")
    return reader.get(created.location)


class TestANastyName:
    """Whatever a name is, an upload with it is refused, or its download is as any other."""

    def test_adds_no_header(self, answer):
        assert answer["Set-Cookie"] is None
        assert answer["X-Evil"] is None
        assert answer.body == b"hello"

    def test_is_one_attachment(self, answer):
        value = answer["Content-Disposition"]
        assert value.startswith("attachment")
        outside = re.sub(r'"(\\.|[^"\\])*"', "", value).lower()
        assert re.fullmatch(r"attachment(; filename=|; filename\*=utf-8''[!-:<-~]+)?", outside)

    @pytest.mark.parametrize("separator", ["/", "%2f", "%5c", "..\\"])
    def test_names_no_folder(self, answer, separator):
        assert separator not in answer["Content-Disposition"].lower()


@pytest.mark.parametrize("kind", ["text/html\r\nX-Evil: 1", "text/html\n\n<script>", "a\0/b"])
def test_a_nasty_type_adds_no_header(tus, kind):
    created = tus.create(5, b"hello", Upload_Metadata=metadata(filetype=kind))
    if created.status != 400:
        answer = tus.get(created.location)
        assert (answer["X-Evil"], answer.body) == (None, b"hello")
        assert answer["Content-Type"] == "application/octet-stream"


def test_a_line_break_in_the_header_itself_ends_it_and_smuggles_nothing(tus):
    header = "name aGVsbG8=\r\nUpload-Length: 9"
    with tus.begin(
        "POST",
        tus.endpoint,
        sent=b"",
        announced=0,
        headers={"Upload-Length": "5", "Upload-Metadata": header},
    ) as connection:
        status = connection.recv(1000).split()[1]
    assert status == b"400"  # two lengths
