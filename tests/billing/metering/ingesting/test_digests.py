import pytest

from billing.metering.ingesting.digests import digest


def of(data):
    return digest(type="t", time=None, data=data)


@pytest.mark.parametrize(
    ("data", "same"),
    [
        (b'{"a": 1, "b": 2}', b'{"b":2,"a":1}'),
        (b'{"a": 1}', b'{"a": 1.0}'),
        (b'{"a": 100}', b'{"a": 1e2}'),
        (b'{"a": 0}', b'{"a": -0.00}'),
        (b'{"a": "\\u00fc"}', '{"a": "ü"}'.encode()),
        (b'{"a": 1, "a": 2}', b'{"a": 2}'),
    ],
)
def test_one_content_has_one_digest_however_it_is_written(data, same):
    assert of(data) == of(same)


@pytest.mark.parametrize(
    ("data", "other"),
    [
        (b"{}", b"null"),
        (b'{"a": 1}', b'{"a": "1"}'),
        (b'{"a": 1000000000000000000000000000001}', b'{"a": 1000000000000000000000000000000}'),
        (b'{"a": 0.1}', b'{"a": 0.10000000000000000000000000000000000001}'),
    ],
)
def test_another_content_has_another(data, other):
    assert of(data) != of(other)


@pytest.mark.parametrize("data", [b"1" * 1_500_000, b"[" * 900 + b"]" * 900])
def test_extremes_have_one_too(data):
    assert len(of(b'{"a": %b}' % data)) == 64
