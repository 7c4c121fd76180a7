from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from billing.metering.shapes import Moment

moment = TypeAdapter(Moment)


@pytest.mark.parametrize(
    "text", ["2026-01-01T23:59:59.9999999Z", "2026-01-02T01:59:59.9999995+02:00"]
)
def test_a_time_is_cut_to_the_microsecond_and_never_rounded(text):
    assert moment.validate_python(text) == datetime(2026, 1, 1, 23, 59, 59, 999_999, UTC)


@pytest.mark.parametrize("number", [1767225599.9999999, "1767225599.9999999", 1767225599, "1e9"])
def test_a_number_is_no_time_for_what_is_behind_its_point_would_be_rounded(number):
    with pytest.raises(ValidationError, match="Write it as RFC 3339 does"):
        moment.validate_python(number)
