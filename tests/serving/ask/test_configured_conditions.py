"""A seed's `where` is refused exactly where a question's is, and a quoted literal means what a bound value means."""

from decimal import Decimal
from itertools import product

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.analyses import where_fault
from ingest.conditions import condition
from ingest.envelope import literal
from serving.ask.vocabulary import Where

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(-9, 9), st.sampled_from(["pro", "", "10", "a'b"])
)
VALUES = st.one_of(SCALARS, st.lists(st.one_of(SCALARS, st.just({})), max_size=2), st.just({"eq": 1}))
OPERATORS = st.sampled_from(
    ["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "contains", "not_contains", "regex", "is_set", "above"]
)
TESTS = st.one_of(VALUES, st.dictionaries(OPERATORS, VALUES, max_size=2))


@settings(max_examples=400)
@given(st.one_of(st.dictionaries(st.sampled_from(["plan", "price"]), TESTS, max_size=2), SCALARS))
def test_what_a_question_refuses_a_seed_refuses(where: object) -> None:
    try:
        Where.model_validate(where)
        is_legal = True
    except ValidationError:
        is_legal = False
    assert (where_fault(where) is None) == is_legal, where


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
    for form in (literal, bind):
        kept_by = condition("value", operators, form)
        found = duckdb.execute(f"select value {rows} where {kept_by}", bound).fetchall()
        assert [value for (value,) in found] == kept


NUMBERS = [
    "0",
    "-0",
    "0.0",
    "0e5",
    "1",
    "+1",
    "10",
    "100",
    "1e2",
    "1E+2",
    "1_000",
    "1000.0",
    "00100.500",
    ".5",
    "5.",
    "0.1",
    "0.10",
    "0.1000000000000000001",
    "-0.1",
    "-0.1000000000000000001",
    "9007199254740992",
    "9007199254740993",
    "9007199254740994.0",
    "9007199254740993.5",
    "-9007199254740992",
    "-9007199254740993",
    "1e-400",
    "-1e-400",
    "18446744073709551615",
    "18446744073709551616",
    "1e22",
    "10000000000000000000000",
    "10000000000000000000001",
]


def compares(value: str, operator: str, number: object) -> bool:
    compared = condition("$value", {operator: number}, literal)
    found = duckdb.execute(f"select {compared}", {"value": value}).fetchone()
    return found is not None and bool(found[0])


def test_numbers_compare_by_their_digits_and_not_as_doubles() -> None:
    for value, number in product(NUMBERS, NUMBERS):
        one, other = Decimal(value), Decimal(number)
        assert compares(value, "gt", number) == (one > other), (value, number)
        assert compares(value, "lte", number) == (one <= other), (value, number)
        if number.lstrip("-").isdigit():
            for operator, holds in (
                ("eq", one == other),
                ("ne", one != other),
                ("lt", one < other),
                ("gte", one >= other),
            ):
                assert compares(value, operator, int(number)) == holds, (value, operator, number)


def test_a_list_of_long_integers_holds_exactly_these() -> None:
    refs = [9007199254740992, 9007199254740993, 9007199254740994]
    for asked in refs:
        assert [ref for ref in refs if compares(str(ref), "in", [asked])] == [asked]
        assert [ref for ref in refs if not compares(str(ref), "not_in", [asked])] == [asked]


@pytest.mark.parametrize("value", ["inf", "-Infinity", "nan", "1e400", "", "0x10", "ten"])
def test_what_is_no_number_compares_with_none(value: str) -> None:
    assert not any(compares(value, operator, 5) for operator in ("eq", "gt", "gte", "lt", "lte"))
