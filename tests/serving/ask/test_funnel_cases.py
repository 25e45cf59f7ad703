"""Funnels in small cases that a person can check by hand: letters are events, a minute apart."""

# ruff: noqa: E501 - one row, one line

from datetime import datetime, timedelta

import pytest

from serving.ask import AskError
from tests.serving.ask.data import ask, database, event

ABC = [{"event_name": name} for name in "abc"]


def paths(**users):
    """Events by user: each letter a minute after the one before; a space is a minute of silence."""
    return [
        event(name, datetime(2024, 1, 1, 9) + timedelta(minutes=minute), user, properties={"step": name + user})
        for user, letters in users.items()
        for minute, name in enumerate(letters)
        if name != " "
    ]


def users_by_step(letters, steps=ABC, **question):
    rows = ask(database(paths(**letters)), {"kind": "funnel", "steps": steps, **question}).rows
    return [row[2] for row in rows]


def named(letters, **more):
    return [{"event_name": name, **more.get(f"step_{place}", {})} for place, name in enumerate(letters, start=1)]


CASES = {
    "each person counts at the furthest step": ({"u": "abc", "v": "ab", "w": "a"}, {}, [3, 2, 1]),
    "steps out of order do not count": ({"u": "cba"}, {}, [1, 0, 0]),
    "other events in between do not matter": ({"u": "axbxc"}, {}, [1, 1, 1]),
    "in strict order they do": ({"u": "axbc"}, {"order": "strict"}, [1, 0, 0]),
    "in strict order a repeated first step opens a new attempt": ({"u": "aabc"}, {"order": "strict"}, [1, 1, 1]),
    "in strict order a repeated second step breaks the chain": ({"u": "abbc"}, {"order": "strict"}, [1, 1, 0]),
    "the window is inclusive": ({"u": "a b"}, {"conversion_window_seconds": 120}, [1, 1, 0]),
    "and ends there": ({"u": "a b"}, {"conversion_window_seconds": 119}, [1, 0, 0]),
    "a later attempt may convert where the first was too slow": ({"u": "a   ab"}, {"conversion_window_seconds": 60}, [1, 1, 0]),
    "the window runs from step 1, not from the step before": ({"u": "a b c"}, {"conversion_window_seconds": 180}, [1, 1, 0]),
    "a repeated step needs two events": ({"u": "ab", "v": "aab"}, {"steps": named("aab")}, [2, 1, 1]),
    "any event is a step too": ({"u": "axc", "v": "ac"}, {"steps": [ABC[0], {"event_name": None}, ABC[2]]}, [2, 2, 1]),
    "an optional step counts those who did it": ({"u": "abc", "v": "ac"}, {"steps": named("abc", step_2={"optional": True})}, [2, 1, 2]),
    "two optional steps can both be left out": ({"u": "ad"}, {"steps": named("abcd", step_2={"optional": True}, step_3={"optional": True})}, [1, 0, 0, 1]),
    "a required step cannot be jumped from an optional one": ({"u": "ad"}, {"steps": named("abcd", step_3={"optional": True})}, [1, 0, 0, 0]),
    "first ever: a second time is not the first": ({"u": "bab"}, {"steps": named("ab", step_2={"occurrence": "first_ever"})}, [1, 0]),
    "an exclusion spoils the attempt, and the person leaves": ({"u": "axb", "v": "ab"}, {"exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}, [1, 1, 0]),
    "not outside its steps": ({"u": "abxc"}, {"exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}, [1, 1, 1]),
    "a clean attempt as deep counts": ({"u": "axbab"}, {"exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}, [1, 1, 0]),
    "a clean attempt that is less deep does not": ({"u": "axba"}, {"exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}, [0, 0, 0]),
    "after its window an exclusion spoils nothing": ({"u": "a  x"}, {"conversion_window_seconds": 120, "exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}, [1, 0, 0]),
    "strict and excluded together": ({"u": "axb", "v": "ab"}, {"order": "strict", "exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}, [1, 1, 0]),
    "attempts count every first step": ({"u": "abab"}, {"count": "attempts"}, [2, 2, 0]),
    "entry: step 1 in the range, step 2 may lie after it": ({"u": "ab"}, {"date_to": "2024-01-01T09:00:30"}, [1, 1, 0]),
    "all_steps: every step in the range": ({"u": "ab"}, {"date_to": "2024-01-01T09:00:30", "date_range": "all_steps"}, [1, 0, 0]),
    "entry: a first step before the range opens nothing": ({"u": "ab"}, {"date_from": "2024-01-01T09:00:30"}, [0, 0, 0]),
    "nobody": ({"u": "x"}, {}, [0, 0, 0]),
    "a condition on a step": ({"u": "ab", "v": "ab"}, {"steps": [ABC[0], {"event_name": "b", "where": {"step": "bu"}}]}, [2, 1]),
}  # fmt: skip


@pytest.mark.parametrize("why", CASES)
def test_funnel(why):
    letters, question, expected = CASES[why]
    assert users_by_step(letters, **question) == expected


def test_what_spoils_an_attempt_may_come_after_the_range_in_which_its_steps_lie():
    question = {
        "kind": "funnel", "steps": ABC[:2], "date_range": "all_steps", "date_to": "2024-01-01T09:00:00",
        "conversion_window_seconds": 900, "exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}],
    }  # fmt: skip
    rows = [event(name, f"2024-01-01T09:{minute}:00", "u") for name, minute in (("a", "00"), ("b", "01"), ("x", "15"))]
    assert [row[2] for row in ask(database(rows), question).rows] == [0, 0]
    assert [row[2] for row in ask(database(rows[:2]), question).rows] == [1, 0]


def test_equal_times_are_taken_in_step_order():
    rows = [event(name, "2024-01-01T09:00:00", "u") for name in "cba"]
    assert [row[2] for row in ask(database(rows), {"kind": "funnel", "steps": ABC}).rows] == [1, 1, 1]


def test_times_are_those_of_the_first_attempt_that_gets_furthest():
    rows = ask(database(paths(u="a  bab")), {"kind": "funnel", "steps": ABC[:2]}).rows
    assert rows[1][-2:] == [180.0, 180.0]


def test_rates_come_from_the_first_and_from_the_previous_step():
    rows = ask(database(paths(u="abc", v="ab", w="a", x="a")), {"kind": "funnel", "steps": ABC}).rows
    assert [row[3:6] for row in rows] == [[1.0, None, None], [0.5, 0.5, 2], [0.25, 0.5, 1]]


@pytest.mark.parametrize(("attribution", "expected"), [("first_touch", "au"), ("last_touch", "cu"), ("step:2", "bu")])
def test_breakdown(attribution, expected):
    question = {"kind": "funnel", "steps": ABC, "breakdown": "step", "attribution": attribution}
    assert [(row[0], row[3]) for row in ask(database(paths(u="abc")), question).rows] == [(expected, 1)] * 3


def test_in_a_trend_a_person_counts_once_a_period_and_periods_with_an_open_window_are_not_complete():
    rows = [event(name, f"2024-01-0{day}T09:00:00", "u") for day, names in ((1, "aab"), (3, "a")) for name in names]
    rows.append(event("x", "2024-01-04T12:00:00", "v"))
    question = {"kind": "funnel", "steps": ABC[:2], "trend": "day", "conversion_window_seconds": 43_200}
    assert [tuple(row) for row in ask(database(rows), question).rows] == [
        ("2024-01-01", 1, 1, 1.0, True), ("2024-01-02", 0, 0, None, True), ("2024-01-03", 1, 0, 0.0, True),
        ("2024-01-04", 0, 0, None, False),
    ]  # fmt: skip


def test_histogram():
    question = {"kind": "funnel", "steps": ABC, "histogram": {"from_step": 1, "to_step": 2, "bins": 2}}
    rows = ask(database(paths(u="ab", v="a b", w="a   b")), question).rows
    assert rows == [[0.0, 120.0, 1, 140.0], [120.0, 240.0, 2, 140.0]]


def test_a_time_late_in_a_bin_stays_in_it():
    question = {"kind": "funnel", "steps": ABC, "histogram": {"from_step": 1, "to_step": 2, "bins": 2}}
    assert ask(database(paths(u="a b", v="a    b")), question).rows == [
        [0.0, 150.0, 1, 210.0],
        [150.0, 300.0, 1, 210.0],
    ]


def test_bins_that_nobody_names_are_the_cube_root_of_the_converted_from_the_smallest_time():
    question = {"kind": "funnel", "steps": ABC[:2], "histogram": {"from_step": 1, "to_step": 2}}
    eight = {f"u{number}": f"a{' ' * number}b" for number in range(8)}
    assert ask(database(paths(**eight)), question).rows == [[60.0, 270.0, 4, 270.0], [270.0, 480.0, 4, 270.0]]
    nine = ask(database(paths(**eight, v="ab")), question).rows
    assert [row[2] for row in nine] == [4, 2, 3]
    assert ask(database(paths(u="ab", v="ab")), question).rows == [[60.0, 60.0, 2, 60.0]]
    assert ask(database(paths(u="a")), question).rows == []


def orders(*events):
    return [
        event(name, f"2024-01-01T09:{minute:02}", "u", properties={"order": of} if of else {})
        for minute, (name, of) in enumerate(events)
    ]


def test_a_value_that_is_held_goes_through_all_steps():
    question = {"kind": "funnel", "steps": ABC, "hold_constant": "order"}
    mixed = orders(("a", "1"), ("a", "2"), ("b", "1"), ("b", None), ("c", "2"))
    assert [row[2] for row in ask(database(mixed), question).rows] == [1, 1, 0]
    assert [row[2] for row in ask(database(mixed), question | {"count": "attempts"}).rows] == [2, 1, 0]
    # of two orders that get as far, the one that gets there first tells the time
    rows = ask(database(orders(("a", "1"), ("a", "2"), ("b", "2"), ("b", "1"))), question).rows
    assert (rows[1][2], rows[1][6]) == (1, 60.0)
    # what spoils one order does not spoil another, and nothing of another order stands in between
    spoiled = question | {"exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}
    assert [row[2] for row in ask(database(orders(("a", "1"), ("x", "2"), ("b", "1"))), spoiled).rows] == [1, 1, 0]
    strict = question | {"order": "strict"}
    assert [row[2] for row in ask(database(orders(("a", "1"), ("x", "2"), ("b", "1"))), strict).rows] == [1, 1, 0]
    assert [row[2] for row in ask(database(orders(("a", "1"), ("x", "1"), ("b", "1"))), strict).rows] == [1, 0, 0]


def test_values_of_several_keys_are_one_that_cannot_be_mistaken():
    plans = [("pro", "de"), ("pro", None), ("a · b", "c"), ("a", "b · c"), ("null", "null"), (None, None)]
    rows = [
        event("a", "2024-01-01", f"u{number}", properties={"plan": plan} | ({"land": land} if land else {}))
        if plan
        else event("a", "2024-01-01", f"u{number}")
        for number, (plan, land) in enumerate(plans)
    ]
    question = {"kind": "funnel", "steps": ABC[:2], "breakdown": ["plan", "land"]}
    found = [row[0] for row in ask(database(rows), question).rows if row[1] == 1]
    assert found == ['"a · b" · c', '"null" · "null"', 'a · "b · c"', "pro · de", "pro · null", None]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"steps": [{"event_name": "a", "optional": True}, {}]},
            "The first step opens the funnel and cannot be optional",
        ),
        ({"steps": [{}]}, "`steps` is [{}]"),
        ({"steps": [{}, {"nam": "x"}]}, "Unknown key `nam` in `steps.1`; did you mean `name`?"),
        ({"exclusions": [{"event_name": "x", "from_step": 2, "to_step": 2}]}, "`from_step` must lie before `to_step`"),
        ({"attribution": "step:9", "breakdown": "p"}, "`attribution` names step:9, but there are 3 steps"),
        ({"attribution": "last_touch"}, "name a `breakdown` too"),
        ({"breakdown": ["p", "p"]}, '`breakdown` is ["p", "p"]: names a key twice'),
        ({"breakdown": 3}, "`breakdown` is 3: must be a key, or a list of up to 5 keys"),
    ],
)
def test_a_wrong_funnel_is_refused(wrong, message):
    with pytest.raises(AskError) as error:
        ask(database(paths(u="a")), {"kind": "funnel", "steps": ABC} | wrong)
    assert message in str(error.value)
