"""What is asked of published sessions and person days says the same as the events themselves."""

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.ask import AskError, read_question
from serving.ask.engines import engine
from serving.ask.kinds.sessions import NO_DIGEST
from serving.ask.scope import Scope
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


@settings(max_examples=20, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
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
