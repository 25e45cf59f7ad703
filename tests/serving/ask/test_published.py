"""What is asked of published sessions and person days says the same as the events themselves."""

from collections import Counter, defaultdict
from datetime import timedelta

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving import ask as asking
from serving.ask import AskError, read_question
from serving.ask.engines import engine
from serving.ask.kinds.sessions import NO_DIGEST
from serving.ask.scope import Scope
from tests.models import sql_of
from tests.serving.ask.data import ask, database, event
from tests.serving.ask.histories import histories

CONNECTION = duckdb.connect()
PERSON_DAYS = """
    create or replace table fct_person_days as
    select
        person_id, cast(timezone('{zone}', timezone('UTC', occurred_at)) as date) as activity_date,
        bool_or(is_activity) as is_active
    from events where person_id is not null group by all
"""
QUESTIONS = [
    {"kind": "active_users", "window_days": 3},
    {"kind": "active_users", "interval": "week"},
    {"kind": "active_users", "interval": "total", "window_days": 30},
    {"kind": "lifecycle"},
    {"kind": "lifecycle", "period": "month"},
    {"kind": "stickiness"},
    {"kind": "stickiness", "period": "week", "computed_as": "cumulative"},
]


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_person_days_answer_as_the_events_do(data):
    zone, rows = data.draw(histories("day"))
    database(rows, CONNECTION)
    CONNECTION.execute(PERSON_DAYS.format(zone=zone))
    dates = data.draw(st.sampled_from([{}, {"date_from": "2024-03-09"}, {"date_to": "2024-10-27"}]))
    for question in QUESTIONS:
        asked = question | dates | {"timezone": zone}
        scope = Scope(read_question(asked), CONNECTION, person_days_timezone=zone)
        assert scope.question.compile(scope).source == "fct_person_days"
        assert ask(CONNECTION, asked, {"reporting_timezone": zone}) == ask(CONNECTION, asked), asked


@pytest.mark.parametrize(
    "narrower",
    [
        {"timezone": "Asia/Kathmandu"}, {"app": "default"}, {"where": {"plan": "pro"}}, {"unit": "account"},
        {"event": {"event_name": "open"}}, {"date_to": "2024-01-05T10:00:00"},
    ],
)  # fmt: skip
def test_person_days_are_left_alone_where_they_do_not_say_the_same(narrower):
    connection = database([event("open", "2024-01-01T09:00:00", "u1")])
    connection.execute(PERSON_DAYS.format(zone="UTC"))
    scope = Scope(read_question({"kind": "lifecycle"} | narrower), connection, person_days_timezone="UTC")
    assert scope.question.compile(scope).source == "events"


def published_sessions(rows):
    connection = database(rows)
    cut = engine(
        "sessionize", events=f"(select *, {NO_DIGEST} from events)", timeout_seconds=1800, max_length_seconds=None,
        trust_client_sessions=False, bounce_max_seconds=10,
    )  # fmt: skip
    connection.execute(f"create table int_sessions as {cut}")
    return connection


def test_the_unit_session_counts_sessions():
    rows = [event("open", f"2024-01-01T{clock}", "u1", session_id="theirs") for clock in ("09:00", "09:30", "10:01")]
    rows.append(event("open", "2024-01-01T09:00", "u2"))
    answer = ask(published_sessions(rows), {"kind": "active_users", "unit": "session"})
    assert answer.rows == [["2024-01-01", 3, False]]


def test_without_published_sessions_the_unit_session_is_an_error():
    with pytest.raises(AskError, match="`int_sessions` is not published here"):
        ask(database([event("open", "2024-01-01T09:00", "u1")]), {"kind": "active_users", "unit": "session"})


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_an_event_has_what_its_session_has(data):
    _, rows = data.draw(histories("hour", most=40))
    rows = [row | {"page_url": data.draw(st.sampled_from([None, "/a", "/b"]))} for row in rows]
    streams = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["occurred_at"], row["event_id"])):
        stream = ("d", row["anonymous_id"]) if row["anonymous_id"] else ("u", row["user_id"])
        if stream[1]:
            streams[stream].append(row)
    entry_of = {}
    for events in streams.values():
        cut = [[]]
        for row in events:
            if cut[-1] and row["occurred_at"] - cut[-1][-1]["occurred_at"] > timedelta(seconds=1800):
                cut.append([])
            cut[-1].append(row)
        for session in cut:
            entry = next((row["page_url"] for row in session if row["page_url"]), None)
            entry_of |= {row["event_id"]: entry for row in session}
    connection = published_sessions(rows)
    question = {"kind": "trends", "series": {"A": {}}, "interval": "total", "breakdown": "session.entry_page"}
    counts = Counter(entry_of.get(row["event_id"]) for row in rows)
    assert {row[3]: row[2] for row in ask(connection, question).rows if row[2]} == counts
    where = {"kind": "trends", "series": {"A": {"where": {"session.entry_page": "/a"}}}, "interval": "total"}
    assert ask(connection, where).rows[0][2] == counts["/a"]


def test_a_session_has_its_number_among_those_of_its_person():
    rows = [
        event("open", f"2024-01-0{day}T09:00", "u1", anonymous_id=device)
        for day, device in ((1, "d1"), (2, "d2"), (3, "d1"))
    ]
    rows += [event("open", "2024-01-02T09:00", "u2"), event("buy", "2024-01-03T09:05", "u1", anonymous_id="d1")]
    connection = published_sessions(rows)
    connection.execute("create table fct_sessions as select *, user_id as person_id from int_sessions")
    query = sql_of("fct_session_numbers").replace("{{ config(materialized='view', meta={'publish': 'view'}) }}", "")
    connection.execute(f"create view fct_session_numbers as {query}")
    question = {"kind": "trends", "series": {"A": {}}, "interval": "total", "breakdown": "session.session_number"}
    assert sorted((row[3], row[2]) for row in ask(connection, question).rows) == [("1", 2), ("2", 1), ("3", 2)]
    first = {"kind": "active_users", "interval": "total", "window_days": 9, "where": {"session.is_first": True}}
    assert ask(connection, first).rows[0][1] == 2


def test_a_funnel_is_of_the_sessions_that_began_somewhere_and_broken_down_by_two_of_their_columns():
    rows = [
        event("open", "2024-01-01T09:00", "u1", page_url="/ads", properties={"plan": "pro"}),
        event("buy", "2024-01-01T09:10", "u1"),
        event("open", "2024-01-01T09:00", "u2", page_url="/home"),
        event("buy", "2024-01-01T09:10", "u2", page_url="/ads"),
    ]
    question = {"kind": "funnel", "steps": [{"event_name": "open"}, {"event_name": "buy"}]}
    connection = published_sessions(rows)
    found = ask(connection, question | {"where": {"session.entry_page": "/ads"}}).rows
    assert [row[2] for row in found] == [1, 1]
    question |= {"breakdown": ["session.entry_page", "plan"], "unit": "session"}
    assert [row[:4] for row in ask(connection, question).rows] == [
        ["/ads · pro", 1, "open", 1], ["/ads · pro", 2, "buy", 1], ["/home · null", 1, "open", 1],
        ["/home · null", 2, "buy", 1],
    ]  # fmt: skip


def test_a_column_that_no_session_has_is_told_with_the_nearest():
    connection = published_sessions([event("open", "2024-01-01T09:00", "u1")])
    with pytest.raises(AskError, match=r"No event has `session.entrypage`; did you mean `session.entry_page`"):
        asking.ask(connection, {"kind": "active_users", "breakdown": "session.entrypage"})
