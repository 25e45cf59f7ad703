"""Retention in small cases that a person can check by hand."""

# ruff: noqa: E501 - one row, one line

import pytest

from serving.ask import AskError
from tests.serving.ask.data import ask, database, event

# u1 opens on 1, 2 and 4 January and pays twice on the 3rd; u2 opens on 1 and 3; the clock stands at the noon of the 5th
ROWS = [
    *(event("open", f"2024-01-0{day}T10:00:00", "u1", properties={"plan": "pro"}) for day in (1, 2, 4)),
    *(event("pay", f"2024-01-03T1{hour}:00:00", "u1", properties={"cents": 500}) for hour in (1, 2)),
    *(event("open", f"2024-01-0{day}T20:00:00", "u2") for day in (1, 3)),
    event("look", "2024-01-05T12:00:00", "u3"),
]
OPEN = {"start_event": {"event_name": "open"}, "return_event": {"event_name": "open"}}
PAY = {"start_event": {"event_name": "open"}, "return_event": {"event_name": "pay"}}


def cohort(day, **question):
    rows = ask(database(ROWS), {"kind": "retention"} | question).rows
    return [row[2] for row in rows if row[0] == f"2024-01-0{day}"]


CASES = {
    "period 0 is the cohort, then who comes back on day 1, 2, 3": (1, OPEN, [2, 1, 1, 1]),
    "recurring: the same person is in the cohort of every day with a start": (2, OPEN, [1, 0, 1, 0]),
    "first_time: one cohort per person": (2, OPEN | {"cohort_rule": "first_time"}, [0, 0, 0, 0]),
    "on or after: once back later, also back now": (1, OPEN | {"measure": "on_or_after"}, [2, 2, 2, 1]),
    "within: once back, back for all later periods": (1, OPEN | {"measure": "within"}, [2, 1, 2, 2]),
    "period 0 counts the start event alone, also when the return event differs": (1, PAY, [2, 0, 1, 0]),
    "two return events are enough for two": (1, PAY | {"minimum_occurrences": 2}, [2, 0, 1, 0]),
    "and too few for three, but period 0 stays": (1, PAY | {"minimum_occurrences": 3}, [2, 0, 0, 0]),
    "48 hours after 20:00 on the 1st is window 2": (1, OPEN | {"window": "rolling_24h"}, [2, 1, 1]),
    "periods cuts the width": (1, OPEN | {"periods": 1}, [2, 1]),
    "cohorts takes the latest": (1, OPEN | {"cohorts": 2}, []),
    "cohorts counts from first_cohort_start, as far as these are complete": (2, OPEN | {"cohorts": 1, "first_cohort_start": "2024-01-02"}, [1, 0, 1]),
    "nothing after date_to counts": (1, OPEN | {"date_to": "2024-01-02"}, [2, 1]),
    "a condition on the start event": (
        1, {"start_event": {"event_name": "open", "where": {"plan": "pro"}}, "return_event": {"event_name": "open"}}, [1, 1, 0, 1]
    ),
    "a condition on the return event": (
        1, {"start_event": {"event_name": "open"}, "return_event": {"event_name": "pay", "where": {"cents": {"gt": 500}}}}, [2, 0, 0, 0]
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", CASES)
def test_retention(why):
    day, question, expected = CASES[why]
    assert cohort(day, **question) == expected


def test_a_first_cohort_after_the_data_is_none():
    for first in ("2024-01-06", "2050-01-01"):
        for cohorts in ({}, {"cohorts": 1}):
            assert ask(database(ROWS), {"kind": "retention", "first_cohort_start": first} | cohorts).rows == []


def test_a_cell_under_way_is_not_complete_and_one_that_has_not_begun_is_absent():
    rows = ask(database(ROWS), {"kind": "retention", **OPEN, "periods": 4}).rows
    assert [tuple(row[1:]) for row in rows if row[0] == "2024-01-04"] == [(0, 1, 1.0, True), (1, 0, 0.0, False)]


def test_a_day_that_date_to_holds_whole_is_complete():
    rows = ask(database(ROWS), {"kind": "retention", **OPEN, "date_to": "2024-01-04"}).rows
    assert [row[-1] for row in rows if row[0] == "2024-01-04"] == [True]


def test_an_empty_cohort_has_no_rate():
    rows = ask(database(ROWS), {"kind": "retention", **PAY, "cohort_rule": "first_time"}).rows
    assert [row[2:4] for row in rows if row[0] == "2024-01-03" and row[1] == 0] == [[0, None]]


def test_money_of_a_cohort_is_summed_beside_its_persons():
    rows = ask(database(ROWS), {"kind": "retention", **PAY, "value": "cents"}).rows
    assert [row[-1] for row in rows if row[0] == "2024-01-01"] == [0, 0, 1000, 0]


def test_a_breakdown_takes_the_first_value_of_the_start_events():
    rows = ask(
        database(ROWS), {"kind": "retention", **OPEN, "breakdown": "plan", "cohorts": 1, "date_from": "2024-01-01"}
    ).rows
    assert [(row[0], row[2], row[3]) for row in rows] == [
        ("pro", 0, 1), ("pro", 1, 1), ("pro", 2, 0), ("pro", 3, 1), (None, 0, 1), (None, 1, 0), (None, 2, 1), (None, 3, 0),
    ]  # fmt: skip


def test_a_week_from_sunday_makes_sunday_the_start_of_its_own_cohort():
    rows = [event("open", "2024-01-06T12:00:00", "u1"), event("open", "2024-01-07T12:00:00", "u1")]
    by_week = ask(database(rows), {"kind": "retention", "period": "week", "week_start": "sunday", "periods": 1}).rows
    assert [row[:3] for row in by_week] == [["2023-12-31", 0, 1], ["2023-12-31", 1, 1], ["2024-01-07", 0, 1]]


SUMMARIES = {
    # cohorts: the 1st (u1, u2), 2nd (u1), 3rd (u2), 4th (u1); the clock stands on the 5th, so that the 4th knows period 0 only
    "each period weighs the complete cells by the size of their cohorts": (
        OPEN,
        [(0, 5, 5), (1, 1, 4), (2, 2, 3), (3, 1, 2)],
    ),
    "on the 5th nothing of the 4th's period 1 is complete": (OPEN | {"first_cohort_start": "2024-01-04"}, [(0, 1, 1)]),
    "a cohort of its own for each person once": (
        OPEN | {"cohort_rule": "first_time"},
        [(0, 2, 2), (1, 1, 2), (2, 1, 2), (3, 1, 2)],
    ),
    "within grows by period": (
        OPEN | {"measure": "within", "cohort_rule": "first_time"},
        [(0, 2, 2), (1, 1, 2), (2, 2, 2), (3, 2, 2)],
    ),
}


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_is_weighted_by_cohort_size_over_complete_cells(name):
    question, expected = SUMMARIES[name]
    answer = ask(database(ROWS), {"kind": "retention", "summary": True} | question)
    assert answer.columns == ["period", "users", "cohort_users", "rate"]
    assert [tuple(row[:3]) for row in answer.rows] == expected
    assert [row[3] for row in answer.rows] == [users / size for _, users, size in expected]


def test_a_summary_by_breakdown_weighs_each_value_alone():
    rows = ask(database(ROWS), {"kind": "retention", "summary": True, "breakdown": "plan", "periods": 1} | OPEN).rows
    # u1 is pro and comes back on the 2nd, but not on the 3rd; u2 has no plan
    assert [row[:4] for row in rows] == [["pro", 0, 3, 3], ["pro", 1, 1, 2], [None, 0, 2, 2], [None, 1, 0, 2]]


def test_a_summary_is_of_units_and_not_of_money():
    with pytest.raises(AskError, match="leave out `value` or `summary`"):
        ask(database(ROWS), {"kind": "retention", "summary": True, "value": "cents"} | PAY)


def test_brackets_join_periods_and_are_complete_with_their_last():
    rows = [event("open", f"2024-01-{day:02}", "u") for day in (1, 3, 4, 6)] + [event("open", "2024-01-01", "v")]
    question = {"kind": "retention", "cohort_rule": "first_time", "brackets": [1, 4, 8]}
    question |= {"first_cohort_start": "2024-01-01", "cohorts": 1}
    answer = ask(database(rows), question)
    assert answer.columns == ["cohort_start", "period", "period_to", "users", "rate", "is_complete"]
    assert answer.rows == [
        ["2024-01-01", 0, 0, 2, 1.0, True], ["2024-01-01", 1, 3, 1, 0.5, True], ["2024-01-01", 4, 7, 1, 0.5, False],
    ]  # fmt: skip
    often = [row[3] for row in ask(database(rows), question | {"minimum_occurrences": 2}).rows]
    assert often == [2, 1, 0]
    summary = ask(database(rows), question | {"summary": True})
    assert summary.rows == [[0, 0, 2, 2, 1.0], [1, 3, 1, 2, 0.5]]
    for brackets in ([0, 4], [1, 1], [2, 4]):
        with pytest.raises(AskError, match="must rise from 1"):
            ask(database(rows), question | {"brackets": brackets})
