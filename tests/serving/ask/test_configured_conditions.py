"""A seed's `where` is refused exactly where a question's is, and a quoted literal means what a bound value means."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.ask.engines import engine
from serving.ask.vocabulary import Where

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(-9, 9), st.sampled_from(["pro", "", "10", "a'b"])
)
VALUES = st.one_of(SCALARS, st.lists(st.one_of(SCALARS, st.just({})), max_size=2), st.just({"eq": 1}))
OPERATORS = st.sampled_from(
    ["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "contains", "not_contains", "regex", "is_set", "above"]
)
TESTS = st.one_of(VALUES, st.dictionaries(OPERATORS, VALUES, max_size=2))


@settings(max_examples=400, derandomize=True, deadline=None, database=None)
@given(st.one_of(st.dictionaries(st.sampled_from(["plan", "price"]), TESTS, max_size=2), SCALARS))
def test_what_a_question_refuses_a_seed_refuses(where: object) -> None:
    try:
        Where.model_validate(where)
        is_legal = True
    except ValidationError:
        is_legal = False
    assert (engine("where_fault", where=where).strip() == "") == is_legal, where


def quoted(value: object) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


@pytest.mark.parametrize(
    ("operators", "kept"),
    [
        ({"eq": "a'b"}, ["a'b"]),
        ({"in": ["a'b", 10]}, ["a'b", "10"]),
        ({"ne": "x"}, ["a'b", "10", "9.5", "pro", None]),
        ({"gt": "9"}, ["10", "9.5"]),
        ({"gt": "pa"}, ["pro"]),
        ({"lte": 9.5}, ["9.5"]),
        ({"regex": "^p"}, ["pro"]),
        ({"contains": "PR"}, ["pro"]),
        ({"not_contains": "'", "is_set": True}, ["10", "9.5", "pro"]),
        ({"not_in": []}, ["a'b", "10", "9.5", "pro", None]),
        ({"eq": None}, [None]),
    ],
)
def test_a_literal_means_what_a_bound_value_means(operators: dict[str, object], kept: list[str | None]) -> None:
    bound: dict[str, object] = {}

    def bind(value: object) -> str:
        bound[f"p{len(bound)}"] = value
        return f"$p{len(bound) - 1}"

    rows = "from (select unnest(['a''b', '10', '9.5', 'pro', null]) as value)"
    for literal in (quoted, bind):
        condition = engine("condition", expression="value", operators=operators, literal=literal)
        found = duckdb.execute(f"select value {rows} where {condition}", bound).fetchall()
        assert [value for (value,) in found] == kept
