import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.metering.services.jsonpath import NotAField, jsonpath_of, path_of

names = st.text(
    st.characters(exclude_characters=".[]'\"", exclude_categories=["Z", "C"]), min_size=1
)


@given(st.lists(names, min_size=1).map(".".join))
def test_what_a_definition_says_is_read_back_as_it_is(path):
    assert path_of(jsonpath_of(path)) == path


@pytest.mark.parametrize(
    ("jsonpath", "path"),
    [
        ("$.tokens", "tokens"),
        ("$['usage']['in-tokens']", "usage.in-tokens"),
        ('$["usage"].bytes', "usage.bytes"),
        ("$.parts[0].bytes", "parts.0.bytes"),
    ],
)
def test_a_field_is_named_in_any_way_that_is_usual(jsonpath, path):
    assert path_of(jsonpath) == path


@pytest.mark.parametrize(
    "odd", ["", "$", "tokens", "$.", "$..a", "$.a[*]", "$.a[?(@.b)]", "$['a.b']"]
)
def test_what_names_no_single_field_is_refused(odd):
    with pytest.raises(NotAField, match="names no single field"):
        path_of(odd)
