"""Conversions in small cases that a person can check by hand."""

# ruff: noqa: E501 - one row, one line

import random

import jsonschema
import polars as pl
import pytest

from serving.ask import AskError, question_schema
from tests.ingest.events import REAL_DATA
from tests.serving.ask.data import ask, database, event, without_completeness

# u1 comes on Monday and buys on Tuesday after 25 hours and on Thursday; u2 comes on Monday, sees the offer on Tuesday and buys
# an hour later; u3 only looks
ROWS = [
    event("look", "2024-01-01T09:00", "u1"),
    event("look", "2024-01-01T10:00", "u2"),
    event("buy", "2024-01-02T10:00", "u1", properties={"price": 10}),
    event("offer", "2024-01-02T11:00", "u2", properties={"plan": "pro"}),
    event("buy", "2024-01-02T12:00", "u2", properties={"price": 20}),
    event("offer", "2024-01-03T09:00", "u1", properties={"plan": "free"}),
    event("buy", "2024-01-04T09:00", "u1", properties={"price": 30}),
    event("look", "2024-01-04T09:00", "u3"),
]
HOUR = 3600
OFFER = {"event_name": "offer"}


def rows_of(rows=ROWS, **question):
    question = {"kind": "conversions", "event": {"event_name": "buy"}} | question
    return [tuple(row[1:]) for row in without_completeness(ask(database(rows), question))]


CASES = {
    "of those active in the day; time runs from the first event of all": (
        {}, [(2, 0, 0, None), (2, 2, 1, 25.5 * HOUR), (1, 0, 0, None), (2, 1, 0.5, 72 * HOUR)]
    ),
    "a unit converts once a period, with its first conversion": ({"interval": "week"}, [(3, 2, 2 / 3, 25.5 * HOUR)]),
    "total is one row": ({"interval": "total"}, [(3, 2, 2 / 3, 25.5 * HOUR)]),
    "a month": ({"interval": "month"}, [(3, 2, 2 / 3, 25.5 * HOUR)]),
    "first seen is in all history, also before the range": ({"date_from": "2024-01-04"}, [(2, 1, 0.5, 72 * HOUR)]),
    "what is not in the range does not convert": ({"interval": "week", "date_to": "2024-01-01"}, [(2, 0, 0, None)]),
    "a period without anybody has no rate": ({"date_from": "2024-01-05", "date_to": "2024-01-05"}, [(0, 0, None, None)]),
    "from an event: who converted before it has no time": (
        {"from": OFFER, "date_from": "2024-01-02"}, [(2, 2, 1, HOUR), (1, 0, 0, None), (2, 1, 0.5, 24 * HOUR)]
    ),
    "from an event, in a week: u1's conversion after the offer counts, not the one before": (
        {"from": OFFER, "interval": "week"}, [(3, 2, 2 / 3, 12.5 * HOUR)]
    ),
    "from an event with a condition": (
        {"from": OFFER | {"where": {"plan": "pro"}}, "interval": "week"}, [(3, 2, 2 / 3, HOUR)]
    ),
    "from an event that never was: converted in no known time": ({"from": {"event_name": "visit"}, "interval": "week"}, [(3, 2, 2 / 3, None)]),
    "from any event is from first seen": ({"from": {"event_name": None}, "interval": "week"}, [(3, 2, 2 / 3, 25.5 * HOUR)]),
    "from the conversion itself takes no time": ({"from": {"event_name": "buy"}, "interval": "week"}, [(3, 2, 2 / 3, 0)]),
    "the conversion with a condition": ({"event": {"event_name": "buy", "where": {"price": {"gt": 10}}}, "interval": "week"}, [(3, 2, 2 / 3, 49 * HOUR)]),
    "the question's condition holds for activity, conversions and first seen": (
        {"where": {"price": {"is_set": True}}, "interval": "week"}, [(2, 2, 1, 0)]
    ),
    "units without the property are dropped": ({"unit": "properties.plan", "event": OFFER, "interval": "week"}, [(2, 2, 1, 0)]),
}  # fmt: skip


@pytest.mark.parametrize("why", CASES)
def test_conversions(why):
    question, expected = CASES[why]
    assert rows_of(**question) == expected


def test_the_most_recent_event_does_not_restart_the_clock():
    rows = [
        event(name, f"2024-01-01T{clock}", "u1")
        for name, clock in [("offer", "09:00"), ("offer", "11:00"), ("buy", "12:00")]
    ]
    assert rows_of(rows, **{"from": OFFER}) == [(1, 1, 1, 3 * HOUR)]


def test_the_median_of_three_is_the_middle_one():
    rows = [event("look", "2024-01-01T09:00", user) for user in ("u1", "u2", "u3")]
    rows += [event("buy", f"2024-01-01T{clock}:00", user) for clock, user in [(10, "u1"), (11, "u2"), (18, "u3")]]
    assert rows_of(rows) == [(3, 3, 1, 2 * HOUR)]


def test_a_first_day_that_is_cut_holds_what_the_range_holds():
    # u1 buys at 10:00, u2 looks at 11:00 and buys at 12:00
    assert rows_of(date_from="2024-01-02T11:00:00", date_to="2024-01-02") == [(1, 1, 1, 26 * HOUR)]


def test_a_conversion_that_is_no_activity_still_converts():
    rows = [
        event("look", "2024-01-01T09:00", "u1"),
        event("buy", "2024-01-01T10:00", "u1", is_activity=False),
        event("buy", "2024-01-02T09:00", "u1", is_activity=False),
    ]
    assert rows_of(rows) == [(1, 1, 1, HOUR), (0, 1, None, 24 * HOUR)]


def test_an_event_that_is_no_activity_is_seen():
    rows = [event("mail", "2024-01-01T09:00", "u1", is_activity=False), event("buy", "2024-01-01T10:00", "u1")]
    assert rows_of(rows) == [(1, 1, 1, HOUR)]


def test_days_and_weeks_are_local():
    # Saturday 22:30 UTC is Sunday in Berlin, which begins a week there
    rows = [event("look", "2024-06-01T12:00", "u1"), event("buy", "2024-06-01T22:30", "u1")]
    question = {
        "kind": "conversions",
        "event": {"event_name": "buy"},
        "interval": "week",
        "week_start": "sunday",
        "timezone": "Europe/Berlin",
    }
    assert without_completeness(ask(database(rows), question)) == [
        ["2024-05-26", 1, 0, 0, None],
        ["2024-06-02", 1, 1, 1, 37800],
    ]


def test_time_to_convert_is_real_time_on_a_day_of_23_hours():
    # 01:30 and 03:30 on the clock in Berlin, an hour apart
    rows = [event("look", "2024-03-31T00:30", "u1"), event("buy", "2024-03-31T01:30", "u1")]
    assert rows_of(rows, timezone="Europe/Berlin") == [(1, 1, 1, HOUR)]
    assert rows_of(rows, timezone="Europe/Berlin", interval="hour") == [(1, 0, 0, None), (1, 1, 1, HOUR)]


def test_on_a_day_of_25_hours_the_two_second_hours_are_apart():
    rows = [event("look", "2024-10-27T00:30", "u1"), event("buy", "2024-10-27T01:30", "u1")]
    question = {"kind": "conversions", "event": {"event_name": "buy"}, "interval": "hour", "timezone": "Europe/Berlin"}
    labels = ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"]
    assert [row[:3] for row in ask(database(rows), question).rows] == [[labels[0], 1, 0], [labels[1], 1, 1]]


def test_shuffled_rows_give_the_same_answer():
    question = {"interval": "week", "from": OFFER}
    for seed in range(5):
        shuffled = ROWS[:]
        random.Random(seed).shuffle(shuffled)
        assert rows_of(shuffled, **question) == rows_of(**question)


def test_the_question_of_an_answer_names_its_defaults_and_can_be_asked_again():
    connection = database(ROWS)
    for origin in ({}, {"from": OFFER}):
        answer = ask(connection, {"kind": "conversions", "event": {"event_name": "buy"}} | origin)
        assert answer.question["from"] == ({"where": {}} | OFFER if origin else "first_seen")
        assert ask(connection, answer.question) == answer
    assert answer.columns == ["period_start", "users", "converted", "conversion_rate", "median_seconds", "is_complete"]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"event": None}, "`event` is null"),
        ({"from": "first_sen"}, '`from` is "first_sen"; did you mean `first_seen`? Legal values: first_seen.'),
        (
            {"from": {"evnt_name": "x"}},
            "Unknown key `evnt_name` in `from`; did you mean `event_name`? Legal keys: event_name, where.",
        ),
        ({"from": None}, "`from` is null"),
        ({"interval": "year"}, "Legal values: hour, day, week, month, total."),
    ],
)
def test_a_wrong_question_says_what_is_wrong(question, message):
    with pytest.raises(AskError) as error:
        rows_of(**question)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("question", "is_legal"),
    [
        ({"event": {"event_name": "buy"}, "from": {"event_name": "offer"}, "interval": "week"}, True),
        ({"event": {"event_name": "buy"}, "from": "first_seen"}, True),
        ({"event": {"event_name": "buy"}, "from": "last_seen"}, False),
        ({}, False),
    ],
)
def test_the_schema_tells_legal_questions_from_wrong_ones(question, is_legal):
    validator = jsonschema.Draft202012Validator(question_schema())
    assert validator.is_valid({"kind": "conversions"} | question) == is_legal


CLICKS = REAL_DATA / "ecommerce_clickstream" / "2019-Oct_first_170min.csv"


@pytest.mark.skipif(not CLICKS.is_file(), reason="the real data sets (../shared/data) are not here")
@pytest.mark.parametrize("origin", ["first_seen", "cart"])
def test_the_clickstream_by_hour_as_polars_counts_it(origin):
    connection = database([])
    connection.execute(
        """
        create temp table clicks as
        select none.* replace (
            file.event_type as event_name, file.event_time[:19]::timestamp as occurred_at, file.user_id as person_id,
            true as is_activity, '{}' as properties
        )
        from read_csv($path, all_varchar = true) as file
        left join events as none on false
        """,
        {"path": str(CLICKS)},
    )
    connection.execute("create or replace temp view events as select * from clicks")
    question = {"kind": "conversions", "event": {"event_name": "purchase"}, "interval": "hour"}
    answer = ask(connection, question | ({} if origin == "first_seen" else {"from": {"event_name": origin}}))

    clicks = pl.read_csv(CLICKS, infer_schema=False).with_columns(
        at=pl.col("event_time").str.head(19).str.to_datetime()
    )
    clicks = clicks.with_columns(hour=pl.col("at").dt.truncate("1h"))
    started = clicks if origin == "first_seen" else clicks.filter(pl.col("event_type") == origin)
    bought = clicks.filter(pl.col("event_type") == "purchase").join(
        started.group_by("user_id").agg(origin=pl.col("at").min()), on="user_id", how="left"
    )
    first = bought.group_by("hour", "user_id").agg(
        took=(pl.col("at") - pl.col("origin")).filter(pl.col("at") >= pl.col("origin")).min()
    )
    counted = first.group_by("hour").agg(converted=pl.len(), median=pl.col("took").median())
    users = clicks.group_by("hour").agg(users=pl.col("user_id").n_unique())
    expected = users.join(counted, on="hour", how="left").sort("hour").to_dicts()
    assert [(hour["hour"].hour, hour["converted"] is None) for hour in expected] == [(0, False), (1, True), (2, False)]
    for row, hour in zip(answer.rows, expected, strict=True):
        converted = hour["converted"] or 0
        assert row[:3] == [hour["hour"].isoformat(), hour["users"], converted]
        assert row[3] == pytest.approx(converted / hour["users"])
        assert row[4] == (hour["median"].total_seconds() if converted else None)
