"""Every engine against brute force in plain Python, over random small histories."""

import os

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.ask import oracle
from tests.serving.ask.data import ask, database
from tests.serving.ask.histories import common_keys, histories, selectors

CONNECTION = duckdb.connect()
EXAMPLES = int(os.environ.get("FOOTFALL_ASK_EXAMPLES", "80"))
many = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


breakdowns = st.sampled_from(["plan", "plan", ["plan", "tier"]])


def agree(rows, question):
    answer = ask(database(rows, CONNECTION), question)
    expected = getattr(oracle, question["kind"])(rows, question)
    if question["kind"] == "sessions" and "period_start" not in answer.columns:
        assert sorted(map(str, answer.rows)) == sorted(map(str, expected)), question
    else:
        assert answer.rows == expected, question


def with_selector(question, selector):
    return question | ({} if selector is None else {"event": selector})


@many
@given(st.data())
def test_active_users(data):
    interval = data.draw(st.sampled_from(["hour", "day", "week", "month", "total"]))
    scale = "day" if interval == "total" else interval
    zone, rows = data.draw(histories(scale))
    question = data.draw(common_keys(zone, rows, scale)) | {"kind": "active_users", "interval": interval}
    question["window_days"] = data.draw(st.sampled_from([1, 2, 7, 28, 30]))
    if interval != "total" and data.draw(st.integers(0, 3)) == 0:
        question["breakdown"] = data.draw(breakdowns)
    agree(rows, with_selector(question, data.draw(selectors())))


@many
@given(st.data())
def test_lifecycle(data):
    period = data.draw(st.sampled_from(["hour", "day", "week", "month"]))
    zone, rows = data.draw(histories(period))
    question = data.draw(common_keys(zone, rows, period)) | {"kind": "lifecycle", "period": period}
    question = with_selector(question, data.draw(selectors()))
    agree(rows, question)


@many
@given(st.data())
def test_stickiness(data):
    period = data.draw(st.sampled_from(["hour", "day", "week", "month"]))
    zone, rows = data.draw(histories(period))
    question = data.draw(common_keys(zone, rows, period)) | {"kind": "stickiness", "period": period}
    question["period_length"] = data.draw(st.sampled_from([1, 1, 2, 3]))
    question["computed_as"] = data.draw(st.sampled_from(["exact", "cumulative"]))
    question["criteria"] = [data.draw(st.sampled_from(["gte", "lte", "exact"])), data.draw(st.integers(1, 3))]
    agree(rows, with_selector(question, data.draw(selectors())))


@many
@given(st.data())
def test_sessions(data):
    zone, rows = data.draw(histories("hour", most=40))
    rows = [
        row
        | {
            "event_name": data.draw(st.sampled_from(["page", "click", "passive"])),
            "page_url": data.draw(st.sampled_from([None, "/a", "/b"])),
        }
        for row in rows
    ]
    question = data.draw(common_keys(zone, rows, "hour")) | {"kind": "sessions"}
    question["inactivity_seconds"] = data.draw(st.sampled_from([900, 1800, 7200]))
    question["max_length_seconds"] = data.draw(st.sampled_from([None, None, 900, 3600]))
    if data.draw(st.booleans()):
        question["events"] = [{"event_name": "page"}, {"event_name": "click", "where": {"plan": {"is_set": True}}}]
    form = data.draw(
        st.sampled_from([{}, {}, {"summary": "day"}, {"summary": "week"}, {"distribution": [0, 900, 3600]}])
    )
    agree(rows, question | form)


@many
@given(st.data())
def test_retention(data):
    period = data.draw(st.sampled_from(["hour", "day", "day", "week", "month"]))
    zone, rows = data.draw(histories(period))
    question = data.draw(common_keys(zone, rows, period)) | {"kind": "retention", "period": period}
    for key in ("start_event", "return_event"):
        selector = data.draw(selectors())
        question |= {} if selector is None else {key: selector}
    question["cohort_rule"] = data.draw(st.sampled_from(["recurring", "first_time"]))
    question["measure"] = data.draw(st.sampled_from(["exact", "on_or_after", "within"]))
    question["window"] = data.draw(st.sampled_from(["calendar", "calendar", "rolling_24h"]))
    question["minimum_occurrences"] = data.draw(st.sampled_from([1, 1, 2]))
    question["periods"] = data.draw(st.sampled_from([None, 3]))
    question["cohorts"] = data.draw(st.sampled_from([None, 4]))
    if data.draw(st.integers(0, 2)) == 0:
        question["brackets"] = data.draw(st.sampled_from([[1, 2], [1, 3], [1, 2, 4], [1, 4, 5, 30]]))
        question["periods"] = None
    if data.draw(st.integers(0, 3)) == 0:
        question["breakdown"] = data.draw(breakdowns)
    if data.draw(st.integers(0, 3)) == 0:
        question["value"] = "plan"
    agree(rows, question)


@many
@given(st.data())
def test_funnel(data):
    funnel_question(data, ["ordered", "ordered", "strict"])


@many
@given(st.data())
def test_unordered_funnel(data):
    funnel_question(data, ["unordered"])


def funnel_question(data, orders):
    zone, rows = data.draw(histories("hour", most=30))
    names = ["a", "a", "b", "b", "c", "x"]
    rows = [row | {"event_name": data.draw(st.sampled_from(names))} for row in rows]
    number = data.draw(st.integers(2, 4))
    steps = []
    for place in range(number):
        step = {"event_name": data.draw(st.sampled_from(["a", "b", "c", "a", None]))}
        step["optional"] = place > 0 and orders != ["unordered"] and data.draw(st.integers(0, 3)) == 0
        if data.draw(st.integers(0, 4)) == 0:
            step["where"] = {"plan": data.draw(st.sampled_from(["pro", {"is_set": True}, {"gt": 9}]))}
        step["occurrence"] = data.draw(st.sampled_from(["any", "any", "any", "first_ever"]))
        steps.append(step)
    question = data.draw(common_keys(zone, rows, "hour")) | {"kind": "funnel", "steps": steps}
    question["order"] = data.draw(st.sampled_from(orders))
    question["conversion_window_seconds"] = data.draw(st.sampled_from([900, 3600, 7200, 1209600]))
    question["date_range"] = data.draw(st.sampled_from(["entry", "all_steps"]))
    question["count"] = data.draw(st.sampled_from(["units", "units", "attempts"]))
    if data.draw(st.booleans()):
        begin = data.draw(st.integers(1, number - 1))
        end = data.draw(st.integers(begin + 1, number))
        question["exclusions"] = [{"event_name": "x", "from_step": begin, "to_step": end}]
    form = data.draw(st.sampled_from(["steps", "steps", "breakdown", "trend", "histogram"]))
    if form == "breakdown":
        question |= {
            "breakdown": data.draw(breakdowns),
            "attribution": data.draw(st.sampled_from(["first_touch", "last_touch", "step:2"])),
        }
    if form == "trend":
        question["trend"] = data.draw(st.sampled_from(["hour", "day"]))
    if form == "histogram":
        begin = data.draw(st.integers(1, number - 1))
        question["histogram"] = {"from_step": begin, "to_step": data.draw(st.integers(begin + 1, number))}
        question["histogram"] |= data.draw(st.sampled_from([{}, {"bins": 4}]))
    if data.draw(st.integers(0, 2)) == 0:
        question["hold_constant"] = data.draw(st.sampled_from(["tier", ["tier", "plan"]]))
    agree(rows, question)


@many
@given(st.data())
def test_paths(data):
    zone, rows = data.draw(histories("hour", most=40))
    rows = [
        row
        | {
            "event_name": data.draw(st.sampled_from("aabcx")),
            "page_url": data.draw(st.sampled_from([None, "/a", "/b"])),
        }
        for row in rows
    ]
    question = data.draw(common_keys(zone, rows, "hour")) | {"kind": "paths"}
    question["item"] = data.draw(st.sampled_from(["event_name", "event_name", "context.page_url", "properties.plan"]))
    names = {"event_name": ["a", "b", "c", None], "context.page_url": ["/a", "/b"], "properties.plan": ["pro", "10"]}
    for key in ("start", "end"):
        if data.draw(st.integers(0, 2)) == 0:
            question[key] = data.draw(st.sampled_from(names[question["item"]]))
    question["per"] = data.draw(st.sampled_from(["session", "session", "unit"]))
    if question["per"] == "session":
        question["gap_seconds"] = data.draw(st.sampled_from([900, 1800, 7200]))
    question["max_steps"] = data.draw(st.sampled_from([None, None, 2, 3]))
    question["collapse_repeats"] = data.draw(st.booleans())
    question["count_from"] = data.draw(st.sampled_from(["start", "start", "end"]))
    if question.get("end") is None and question["count_from"] == "start":
        question["dropoff"] = data.draw(st.booleans())
    if data.draw(st.integers(0, 3)) == 0:
        question["events"] = [{"event_name": "a"}, {"event_name": None, "where": {"plan": {"is_set": True}}}]
    if data.draw(st.booleans()) and (question["max_steps"] and {question.get("start"), question.get("end")} != {None}):
        question["anchor"] = "every"
    if not question.get("dropoff"):
        question["whole"] = data.draw(st.booleans())
    agree(rows, question)


def agree_nearly(rows, question):
    """As `agree`, but for the last digits of fractions."""
    found, expected = (
        ask(database(rows, CONNECTION), question).rows,
        getattr(oracle, question["kind"])(rows, question),
    )
    assert len(found) == len(expected), question
    for row, right in zip(found, expected, strict=True):
        assert row == [pytest.approx(cell) if isinstance(cell, float) else cell for cell in right], question


@many
@given(st.data())
def test_trends(data):
    interval = data.draw(st.sampled_from(["hour", "day", "day", "week", "month", "total"]))
    scale = "day" if interval == "total" else interval
    zone, rows = data.draw(histories(scale))
    question = data.draw(common_keys(zone, rows, scale)) | {"kind": "trends", "interval": interval}
    measures = ["count", "uniques", "count_per_unit", "sum", "avg", "min", "max", "p50", "p90", "p95", "p99"]
    question["series"] = {}
    for name in data.draw(st.sampled_from(["A", "AB", "AB", "ABC"])):
        measure = data.draw(st.sampled_from(measures))
        kept = {"event_name": None} | (data.draw(selectors()) or {}) | {"measure": measure}
        question["series"][name] = kept | ({"property": "plan"} if measures.index(measure) > 2 else {})
    if len(question["series"]) > 1 and data.draw(st.booleans()):
        question["formula"] = data.draw(st.sampled_from(list(oracle.FORMULAS)))
    if data.draw(st.booleans()):
        question |= {"breakdown": data.draw(breakdowns), "top": data.draw(st.sampled_from([1, 2, 10]))}
    if data.draw(st.booleans()):
        question["compare"] = "previous_period"
    if interval != "total" and data.draw(st.booleans()):
        question["rolling"] = data.draw(st.integers(2, 4))
    agree_nearly(rows, question)


@many
@given(st.data())
def test_conversions(data):
    interval = data.draw(st.sampled_from(["hour", "day", "week", "month", "total"]))
    scale = "day" if interval == "total" else interval
    zone, rows = data.draw(histories(scale))
    question = data.draw(common_keys(zone, rows, scale)) | {"kind": "conversions", "interval": interval}
    question["event"] = data.draw(selectors()) or {"event_name": "b"}
    if data.draw(st.booleans()):
        question["from"] = data.draw(selectors()) or {"event_name": "b"}
    agree_nearly(rows, question)
