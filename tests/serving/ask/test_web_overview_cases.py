"""The web overview in small cases that a person can check by hand."""

# ruff: noqa: E501 - one row, one line

import random

import jsonschema
import pytest

from serving.ask import AskError, question_schema, read_question
from serving.ask.scope import Scope
from tests.serving.ask.data import ask, database, event
from tests.serving.ask.test_published import published_sessions

# Monday: u1 views two pages in 5 minutes, u2 bounces; Tuesday: u1 views one page and clicks after 20 seconds;
# a mail to u3 is no activity
ROWS = [
    event("page", "2024-01-01T09:00", "u1", country="DE"),
    event("page", "2024-01-01T09:05", "u1", country="DE"),
    event("page", "2024-01-01T10:00", "u2", app="shop"),
    event("page", "2024-01-02T09:00", "u1", country="AT"),
    event("click", "2024-01-02T09:00:20", "u1", country="AT"),
    event("passive", "2024-01-02T10:00", "u3", is_activity=False, account_id="acme"),
]


def values(rows=ROWS, column=1, **question):
    return [row[column] for row in ask(database(rows), {"kind": "web_overview"} | question).rows]


CASES = {
    # visitors, views, sessions, avg_session_seconds, bounce_rate
    "everything: u3 is no visitor, but a session of her stream": ({}, [2, 4, 4, 80, 0.25]),
    "a day": ({"date_to": "2024-01-01"}, [2, 3, 2, 150, 0.5]),
    "the next": ({"date_from": "2024-01-02"}, [1, 1, 2, 10, 0]),
    "without sessions there is no average and no rate": (
        {"date_from": "2024-01-03", "date_to": "2024-01-03"}, [0, 0, 0, None, None]
    ),
    "a session belongs to where it starts, whole; a view to its own time": (
        {"date_from": "2024-01-01T09:01:00", "date_to": "2024-01-01"}, [2, 2, 1, 0, 1]
    ),
    "by the clock of the zone": (
        {"timezone": "Asia/Tokyo", "date_from": "2024-01-01T18:00:00", "date_to": "2024-01-01T18:59:59"}, [1, 2, 1, 300, 0]
    ),
    "app": ({"app": "shop"}, [1, 1, 1, 0, 1]),
    "where cuts sessions anew from the events that fulfil it": ({"where": {"context.country": "AT"}}, [1, 1, 1, 20, 0]),
    "and so a session of two views may become a bounce": ({"where": {"occurred_at": {"lt": "2024-01-01T09:05:00"}}}, [1, 1, 1, 0, 1]),
    "unit account drops events without one": ({"unit": "account"}, [0, 0, 1, 0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("why", CASES)
def test_web_overview(why):
    question, expected = CASES[why]
    assert values(**question) == expected


COMPARISONS = {
    "the day before": ({"date_from": "2024-01-02", "date_to": "2024-01-02"}, [2, 3, 2, 150, 0.5]),
    "nothing before all data": ({}, [0, 0, 0, None, None]),
    "two days before two": ({"date_from": "2024-01-03", "date_to": "2024-01-04"}, [2, 4, 4, 80, 0.25]),
    "the hour before": ({"date_from": "2024-01-01T10:00:00", "date_to": "2024-01-01T10:59:59"}, [1, 2, 1, 300, 0]),
    "with a condition": ({"date_from": "2024-01-02", "where": {"context.country": ["DE", "AT"]}}, [1, 2, 1, 300, 0]),
}


@pytest.mark.parametrize("why", COMPARISONS)
def test_comparisons(why):
    question, expected = COMPARISONS[why]
    assert values(compare="previous_period", column=2, **question) == expected
    assert values(compare="previous_period", **question) == values(**question)


def test_a_page_view_that_is_no_activity_is_a_view_without_a_visitor():
    assert values([event("page", "2024-01-01T09:00", "u1", is_activity=False)])[:2] == [0, 1]


def test_across_the_end_of_a_month_the_range_before_is_as_long():
    # 1 and 2 March beside 28 and 29 February
    rows = [event("page", f"2024-{day}T12:00", f"u{day}") for day in ("02-27", "02-28", "02-29", "03-01")]
    question = {"date_from": "2024-03-01", "date_to": "2024-03-02", "compare": "previous_period"}
    assert [values(rows, column, **question)[0] for column in (1, 2)] == [1, 2]


def test_a_day_of_23_hours_is_compared_with_the_whole_day_before():
    # 00:30 on 30 March and 23:30 on the 31st, by the clock in Berlin
    rows = [event("page", "2024-03-29T23:30", "u1"), event("page", "2024-03-31T21:30", "u2")]
    question = {
        "date_from": "2024-03-31",
        "date_to": "2024-03-31",
        "timezone": "Europe/Berlin",
        "compare": "previous_period",
    }
    assert [values(rows, column, **question)[0] for column in (1, 2)] == [1, 1]


def test_without_compare_previous_is_null():
    answer = ask(database(ROWS), {"kind": "web_overview"})
    assert answer.columns == ["metric", "value", "previous"]
    assert [row[0] for row in answer.rows] == ["visitors", "views", "sessions", "avg_session_seconds", "bounce_rate"]
    assert [row[2] for row in answer.rows] == [None] * 5


def with_sessions(rows=ROWS):
    connection = published_sessions(rows)
    connection.execute("create view fct_sessions as select * from int_sessions")
    return connection


@pytest.mark.parametrize(
    "dates",
    [
        {},
        {"date_from": "2024-01-02", "compare": "previous_period"},
        {"date_to": "2024-01-01T09:30:00"},
        {"timezone": "Asia/Tokyo"},
    ],
)
def test_published_sessions_say_the_same(dates):
    question, connection = {"kind": "web_overview"} | dates, with_sessions()
    assert read_question(question).compile(Scope(read_question(question), connection)).source == "fct_sessions"
    assert ask(connection, question) == ask(database(ROWS), question)


def test_sessions_of_bots_count_only_where_bots_do(monkeypatch):
    # as staging has it: what a bot does is no activity and no page view
    bot = {"is_bot": True, "is_activity": False, "is_page_view": False}
    rows = [event("page", "2024-01-01T09:00", "u1"), event("page", "2024-01-01T09:00", "crawler", **bot)]
    for connection in (database(rows), with_sessions(rows)):
        assert [row[1] for row in ask(connection, {"kind": "web_overview"}).rows] == [1, 1, 1, 0, 1]
    monkeypatch.setenv("FOOTFALL_COUNT_BOTS", "true")
    for connection in (database(rows), with_sessions(rows)):
        assert ask(connection, {"kind": "web_overview"}).rows[2][1] == 2


@pytest.mark.parametrize("narrower", [{"app": "shop"}, {"where": {"context.country": "AT"}}, {"unit": "account"}])
def test_published_sessions_are_left_alone_where_they_hold_other_events(narrower):
    question, connection = {"kind": "web_overview"} | narrower, with_sessions()
    assert read_question(question).compile(Scope(read_question(question), connection)).source == "events"
    assert ask(connection, question) == ask(database(ROWS), question)


def test_shuffled_rows_give_the_same_answer_to_the_last_digit():
    rows = [
        event("page", f"2024-01-01T{n % 24:02}:{n % 6}1:07.{n * 7919 % 999983:06}", f"u{n % 11}") for n in range(300)
    ]
    first = values(rows)
    for seed in range(5):
        shuffled = rows[:]
        random.Random(seed).shuffle(shuffled)
        assert values(shuffled) == first


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"compare": "previous"}, '`compare` is "previous"; did you mean `previous_period`?'),
        ({"interval": "day"}, "Unknown key `interval`"),
    ],
)
def test_a_wrong_question_says_what_is_wrong(question, message):
    with pytest.raises(AskError) as error:
        values(**question)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("question", "is_legal"), [({}, True), ({"compare": "previous_period"}, True), ({"compare": "x"}, False)]
)
def test_the_schema_tells_legal_questions_from_wrong_ones(question, is_legal):
    validator = jsonschema.Draft202012Validator(question_schema())
    assert validator.is_valid({"kind": "web_overview"} | question) == is_legal
