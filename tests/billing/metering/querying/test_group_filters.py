from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.metering.querying.group_filters import BadFilter, condition

VALUES = ["", "a", "A", "ab", "B%", "b_", "ä"]


def kept(asked):
    """Return which values PostgreSQL keeps by a filter."""
    named = {}
    sql = condition("value", asked, named)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT value FROM unnest(%(all)s::text[]) AS value WHERE {sql}",
            {"all": VALUES, **named},
        )
        return {row[0] for row in cursor}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, set(VALUES)),
        ({"$eq": "a"}, {"a"}),
        ({"$ne": "a"}, set(VALUES) - {"a"}),
        ({"$in": ["a", "ab"]}, {"a", "ab"}),
        ({"$in": []}, set()),
        ({"$nin": ["a", "ab"]}, set(VALUES) - {"a", "ab"}),
        ({"$like": "a%"}, {"a", "ab"}),
        ({"$nlike": "%"}, set()),
        ({"$ilike": "a%"}, {"a", "A", "ab"}),
        ({"$nilike": "a%"}, {"", "B%", "b_", "ä"}),
        ({"$contains": "%"}, {"B%"}),
        ({"$ncontains": "b"}, {"", "a", "A", "ä"}),
        ({"$gt": "a"}, {"ab", "b_", "ä"}),
        ({"$gte": "a", "$lt": "b"}, {"a", "ab"}),
        ({"$lte": "A"}, {"", "A"}),
        ({"$exists": False}, {""}),
        ({"$exists": True}, set(VALUES) - {""}),
        ({"$and": [{"$ne": "a"}, {"$like": "a%"}]}, {"ab"}),
        ({"$or": [{"$eq": "a"}, {"$eq": "ä"}]}, {"a", "ä"}),
        ({"$eq": None, "$in": None}, set(VALUES)),
    ],
)
def test_a_filter_keeps_what_it_says(asked, expected):
    assert kept(asked) == expected


@pytest.mark.parametrize(
    "asked",
    [
        *([], "a", {"$regex": "a"}, {"$eq": 1}, {"$in": "a"}, {"$in": [1]}, {"$and": {}}),
        *({"$exists": "yes"}, {"$like": "a\\"}, {"$eq": "\0"}, {"$or": [1]}),
    ],
)
def test_what_is_no_filter_is_refused(asked):
    with pytest.raises(BadFilter):
        condition("value", asked, {})


@pytest.mark.parametrize("inner", [{}, {"$exists": True}, {"$eq": "a"}, {"$and": [{}]}])
def test_a_filter_of_too_many_is_refused_and_told_of_lists(inner):
    with pytest.raises(BadFilter, match=r"many values are one \$in"):
        condition("value", {"$or": [inner] * 201}, {})


def test_a_filter_that_is_nested_too_deeply_is_refused():
    asked: dict[str, Any] = {"$eq": "a"}
    for _ in range(20):
        asked = {"$and": [asked]}
    with pytest.raises(BadFilter):
        condition("value", asked, {})


@pytest.mark.django_db
@settings(max_examples=40)
@given(st.text("a%_\\*", max_size=4))
def test_no_pattern_makes_the_database_fail(pattern):
    try:
        kept({"$like": pattern})
    except BadFilter:
        assert pattern.endswith("\\")
