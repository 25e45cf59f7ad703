"""A wrong question is refused with the wrong key, the nearest legal one and all legal ones."""

# ruff: noqa: E501 - one row, one line

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from serving.ask import AskError, ask, question_schema, read_question
from serving.ask.kinds import KINDS
from tests.serving.ask.data import database, event

WRONG = [
    ({"kind": "lifecycel"}, '`kind` is "lifecycel"; did you mean `lifecycle`? Legal kinds: active_users,'),
    ({}, "`kind` is missing. Legal kinds: "),
    ([], "A question is one JSON object"),
    ({"kind": "lifecycle", "perod": "day"}, "Unknown key `perod`; did you mean `period`? Legal keys: kind, date_from,"),
    ({"kind": "lifecycle", "zzz": 1}, "Unknown key `zzz`. Legal keys: "),
    ({"kind": "lifecycle", "period": "weeks"}, '`period` is "weeks"; did you mean `week`? Legal values: hour, day, week, month.'),
    ({"kind": "lifecycle", "event": {"name": "x"}}, "Unknown key `name` in `event`; did you mean `event_name`? Legal keys: event_name, where."),
    ({"kind": "lifecycle", "event": "x"}, 'it must be an object, as in {"event_name": "purchase"}'),
    ({"kind": "lifecycle", "where": {"p": {"gtt": 1}}}, "Unknown key `gtt` in `where.p`; did you mean `gt`? Legal keys: eq, ne, in,"),
    ({"kind": "lifecycle", "where": {"p": {}}}, "an empty condition: give it an operator"),
    ({"kind": "lifecycle", "where": {"p": {"gt": None}}}, "`where.p.gt` is null: must be a number or a text"),
    ({"kind": "lifecycle", "where": {"p": {"in": None}}}, "`in` cannot be null"),
    ({"kind": "lifecycle", "where": {"p": {"in": "x"}}}, "`where.p.in` is \"x\": input should be a valid list"),
    ({"kind": "lifecycle", "where": {"p": [["x"]]}}, "must be a text, a number, true, false or null"),
    ({"kind": "lifecycle", "where": {"p": {"eq": float("nan")}}}, "must be a finite number"),
    ({"kind": "lifecycle", "where": {"p": {"regex": "("}}}, "`p.regex` is '(', which is no RE2 expression"),
    ({"kind": "lifecycle", "where": {"occurred_at": {"regex": "2024"}}}, "`occurred_at` is a time: it takes"),
    ({"kind": "lifecycle", "where": {"occurred_at": {"gt": "then"}}}, "must be a local date"),
    ({"kind": "lifecycle", "where": {"a\0b": 1}}, "NUL character"),
    ({"kind": "lifecycle", "date_from": "1.2.2024"}, '`date_from` is "1.2.2024": must be a local date "2026-01-31"'),
    ({"kind": "lifecycle", "date_from": "2024-01-01T00:00:00Z"}, "without a zone; set `timezone` for the zone"),
    ({"kind": "lifecycle", "date_from": "2024-02-30"}, "`date_from` is \"2024-02-30\""),
    ({"kind": "lifecycle", "date_from": "0001-01-01"}, "must lie in the years 1900 to 2200"),
    ({"kind": "lifecycle", "date_from": "2024-02-02", "date_to": "2024-02-01"}, "`date_from` is after `date_to`"),
    ({"kind": "lifecycle", "timezone": "Europe/Berln"}, "which is no IANA time zone; did you mean `Europe/Berlin`?"),
    ({"kind": "lifecycle", "week_start": "tuesday"}, "`week_start` is \"tuesday\""),
    ({"kind": "lifecycle", "unit": "persons"}, "Legal values: person, account, session, properties.<name>."),
    ({"kind": "active_users", "window_days": 0}, "`window_days` is 0: input should be greater than 0"),
    ({"kind": "active_users", "window_days": "7"}, "`window_days` is \"7\": input should be a valid integer"),
    ({"kind": "active_users", "window_days": 1_000_000}, "`window_days` is 1000000: input should be less than or equal to 36500"),
    ({"kind": "retention", "periods": 2**63 - 1}, "input should be less than or equal to 100000"),
    ({"kind": "retention", "cohorts": 10**30}, "input should be less than or equal to 3155760000"),
    ({"kind": "stickiness", "period_length": 10**30}, "input should be less than or equal to 36500"),
    ({"kind": "funnel", "steps": [{"event_name": "open"}] * 2, "conversion_window_seconds": 10**11}, "input should be less than or equal to"),
    ({"kind": "stickiness", "criteria": ["more", 1]}, "Legal values: gte, lte, exact."),
    ({"kind": "sessions", "distribution": [10, 0]}, "`distribution` must rise from bound to bound"),
    ({"kind": "sessions", "distribution": [0], "summary": "day"}, "are two questions: ask for one of them"),
    ({"kind": "sessions", "events": []}, "`events` is []"),
    ({"kind": "paths", "whole": True, "top": 10**30}, "input should be less than or equal to 100000"),
    ({"kind": "conversion_paths", "event": {"event_name": "open"}, "top": 10**30}, "input should be less than or equal to 100000"),
    ({"kind": "active_users", "breakdown": ""}, '`breakdown` is "": must be a key'),
]  # fmt: skip


@pytest.mark.parametrize(("question", "message"), WRONG)
def test_a_wrong_question_is_refused_by_name(question, message):
    with pytest.raises(AskError) as error:
        ask(database([event("open", "2024-01-01T00:00:00", "u1", properties={"p": "x"})]), question)
    assert message in str(error.value)


LARGEST = [
    {"kind": "active_users", "window_days": 36_500},
    {"kind": "active_users", "interval": "hour", "window_days": 36_500},
    {"kind": "retention", "periods": 100_000, "cohorts": 3_155_760_000, "minimum_occurrences": 3_155_760_000},
    {"kind": "retention", "period": "hour", "periods": 100_000},
    {"kind": "stickiness", "period_length": 36_500, "criteria": ["gte", 3_155_760_000]},
    {"kind": "stickiness", "period": "month", "period_length": 36_500},
    {"kind": "funnel", "steps": [{"event_name": "open"}] * 2, "conversion_window_seconds": 3_155_760_000},
    {"kind": "paths", "gap_seconds": 3_155_760_000},
    {"kind": "sessions", "inactivity_seconds": 3_155_760_000, "max_length_seconds": 3_155_760_000},
]


@pytest.mark.parametrize("question", LARGEST)
def test_the_largest_legal_numbers_are_answered(question):
    assert ask(database([event("open", "2024-01-01T00:00:00", "u1")]), question).columns


def test_an_app_without_events_is_answered_with_nothing_of_it():
    rows = [
        event("open", "2024-01-01T00:00:00", "u1", app="shop"),
        event("open", "2031-01-01T00:00:00", "u1", app="later"),
    ]
    # attribution needs sessions too, and sums of money the payments
    asked = [
        question
        for question in documented_questions()
        if question["kind"] != "attribution"
        and not any(word in str(question) for word in ("amount_cents", "session.", "person."))
    ]
    asked += [
        {"kind": "retention"} | more for more in ({"summary": True}, {"period": "hour"}, {"window": "rolling_24h"})
    ]
    asked += [{"kind": "funnel", "steps": [{"event_name": "open"}] * 2, "trend": "day"}]
    for question in asked:
        for app in ("shop", "nope"):
            within = {key: value for key, value in question.items() if key not in ("app", "date_from", "date_to")}
            whole = within | {"app": app, "timezone": "Europe/Berlin"}
            assert ask(database(rows), whole, allow_unknown=True).columns, (question, app)


def test_every_fault_is_named_at_once():
    with pytest.raises(AskError) as error:
        read_question({"kind": "lifecycle", "period": "year", "evnt": {}})
    assert len(str(error.value).splitlines()) == 2


def test_the_answer_names_the_defaults_that_it_used():
    answer = json.loads(ask(database([event("open", "2024-01-01T00:00:00", "u1")]), {"kind": "active_users"}).as_json())
    assert list(answer) == ["question", "as_of", "timezone", "warnings", "columns", "rows"]
    assert answer["question"]["timezone"] == "UTC"
    assert answer["question"]["window_days"] == 1


def test_the_question_of_an_answer_can_be_asked_again():
    connection = database([event("open", "2024-01-01T00:00:00", "u1", properties={"p": "x"})])
    question = {
        "kind": "lifecycle",
        "date_to": "2024-01-01",
        "where": {"p": {"in": ["x", 1]}, "q": None, "r": {"ne": "x"}},
    }
    answer = ask(connection, question, allow_unknown=True)
    assert ask(connection, answer.question, allow_unknown=True) == answer


def test_csv_has_a_header_and_empty_fields_for_null():
    rows = [event("page", "2024-01-01T00:00:00", "u1")]
    answer = ask(database(rows), {"kind": "sessions", "summary": "day", "date_to": "2024-01-02"})
    assert answer.as_csv() == (
        "period_start,sessions,avg_seconds,bounce_rate,is_complete\n2024-01-01,1,0.0,1.0,false\n2024-01-02,0,,,false\n"
    )


@pytest.mark.parametrize(
    ("question", "is_legal"),
    [
        ({"kind": "active_users", "where": {"plan": ["pro", 1], "price": {"gt": 10}}}, True),
        ({"kind": "sessions", "events": [{"event_name": "page"}], "distribution": [0, 10]}, True),
        ({"kind": "stickiness", "criteria": ["gte", 2], "date_from": "2024-01-01T10:00:00"}, True),
        ({"kind": "stickiness", "criterion": ["gte", 2]}, False),
        ({"kind": "active_users", "where": {"price": {"gtt": 10}}}, False),
        ({"kind": "active_users", "date_from": "yesterday"}, False),
        ({"kind": "nothing"}, False),
    ],
)
def test_the_schema_tells_legal_questions_from_wrong_ones(question, is_legal):
    validator = jsonschema.Draft202012Validator(question_schema())
    assert validator.is_valid(question) == is_legal


def test_the_questions_of_the_documentation_are_legal_and_show_every_kind() -> None:
    assert {read_question(question).kind for question in documented_questions()} == set(KINDS)


def documented_questions() -> list[dict[str, Any]]:
    """The questions that docs/questions.md and the README show."""
    root = Path(__file__).parents[3]
    table, readme = ((root / name).read_text(encoding="utf-8") for name in ("docs/questions.md", "README.md"))
    found = re.findall(r"^\| `\w+` \| `(\{.*\})` \|$", table, re.MULTILINE)
    return [json.loads(question) for question in [*found, *re.findall(r"footfall ask '(\{.*?\})'", readme, re.DOTALL)]]


PLACED = [
    ({"kind": "lifecycle", "perod": "day"}, ("perod",)),
    ({"kind": "lifecycle", "where": {"p": {"gtt": 1}}}, ("where", "p", "gtt")),
    ({"kind": "funnel", "steps": [{"event_name": "open"}, {"event_nam": "open"}]}, ("steps", 1, "event_nam")),
    ({"kind": "lifecycle", "event": {"event_name": "opne"}}, ("event", "event_name")),
    ({"kind": "lifecycle", "where": {"opne": "open"}}, ("where", "opne")),
    ({"kind": "lifecycle", "app": "opne"}, ("app",)),
    ({"kind": "funnel", "steps": [{"event_name": "open"}] * 2, "breakdown": "opne"}, ("breakdown",)),
    ({"kind": "funnel", "steps": [{"event_name": "open"}, {"where": {"opne": 1}}]}, ("steps", 1, "where", "opne")),
]  # fmt: skip


@pytest.mark.parametrize(("question", "place"), PLACED)
def test_a_fault_says_where_it_stands(question, place):
    with pytest.raises(AskError) as found:
        ask(database([event("open", "2024-01-01", "u")]), question)
    assert [fault.place for fault in found.value.faults] == [place]
    assert str(found.value).startswith(found.value.faults[0].sentence)
