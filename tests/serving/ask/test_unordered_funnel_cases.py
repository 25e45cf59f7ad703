"""Unordered funnels in small cases that a person can check by hand: letters are events, a minute apart."""

# ruff: noqa: E501 - one row, one line

import random
from collections import defaultdict

import duckdb
import polars as pl
import pytest

from serving.ask import AskError
from tests.ingest.events import REAL_DATA
from tests.serving.ask.data import ask, database, event
from tests.serving.ask.test_funnel_cases import ABC, named, paths
from tests.serving.ask.test_published import published_sessions

X_1_TO_3 = {"exclusions": [{"event_name": "x", "from_step": 1, "to_step": 3}]}
X_2_TO_3 = {"exclusions": [{"event_name": "x", "from_step": 2, "to_step": 3}]}
ANY, A, B = {"event_name": None}, {"event_name": "a"}, {"event_name": "b"}


def own(letter, user):
    """The selector of an event of this letter by this user only."""
    return {"event_name": letter, "where": {"step": letter + user}}


def rows_of(letters, steps=ABC, **question):
    question = {"kind": "funnel", "order": "unordered", "steps": steps, **question}
    return ask(database(paths(**letters)), question).rows


CASES = {
    "any order completes": ({"u": "cba", "v": "bca"}, {}, [2, 2, 2]),
    "row k holds who did at least k steps, whichever": ({"u": "c", "v": "cb", "w": "abc"}, {}, [3, 2, 1]),
    "the same step twice is one step": ({"u": "ccc"}, {}, [1, 0, 0]),
    "other events do not matter": ({"u": "cxbxa"}, {}, [1, 1, 1]),
    "nobody": ({"u": "x"}, {}, [0, 0, 0]),
    "the window is inclusive": ({"u": "c b"}, {"conversion_window_seconds": 120}, [1, 1, 0]),
    "and ends there": ({"u": "c b"}, {"conversion_window_seconds": 119}, [1, 0, 0]),
    "the window runs from the earliest": ({"u": "c b a"}, {"conversion_window_seconds": 180}, [1, 1, 0]),
    "any event of a step may open: a later one gets further": ({"u": "c   ab c"}, {"conversion_window_seconds": 180}, [1, 1, 1]),
    "a step may be filled by a repeat, when its first is too old": ({"u": "a  ba c"}, {"conversion_window_seconds": 180}, [1, 1, 1]),
    "a repeated step needs two events": ({"u": "ba", "v": "aba"}, {"steps": named("aab")}, [2, 2, 1]),
    "two repeats alone are two steps": ({"u": "aa"}, {"steps": named("aab")}, [1, 1, 0]),
    "three of the same": ({"u": "aaa", "v": "aa"}, {"steps": named("aaa")}, [2, 2, 1]),
    "any event is a step too, but needs an event of its own": ({"u": "a", "v": "ax", "w": "xa"}, {"steps": [ANY, A]}, [3, 2]),
    "any event, written last, is the same": ({"u": "a", "v": "ax", "w": "xa"}, {"steps": [A, ANY]}, [3, 2]),
    "only any events": ({"u": "x", "v": "xy"}, {"steps": [ANY, ANY]}, [2, 1]),
    "two any events and one a": ({"u": "xya", "v": "xyz", "w": "aa"}, {"steps": [ANY, A, ANY]}, [3, 3, 1]),
    "the narrow step takes its only event, the wide one another": ({"u": "aa"}, {"steps": [A, {"event_name": "a", "where": {"step": "au"}}]}, [1, 1]),
    "one event for a wide and a narrow step fills one": ({"u": "a"}, {"steps": [A, own("a", "u")]}, [1, 0]),
    "a narrow step without its event stays open, whatever the wide one has": ({"v": "aa"}, {"steps": [A, own("a", "u")]}, [1, 0]),
    "a step of any name with a condition may share its event": ({"u": "a", "v": "xa"}, {"steps": [{"event_name": None, "where": {"step": ["au", "xv"]}}, A]}, [2, 1]),
    "an exclusion wipes what came before it": ({"u": "axbc"}, X_1_TO_3, [1, 1, 0]),
    "who has nothing left leaves every row": ({"u": "abx", "v": "a"}, X_1_TO_3, [1, 0, 0]),
    "after the wipe all steps count anew": ({"u": "axcba"}, X_1_TO_3, [1, 1, 1]),
    "an exclusion before everything wipes nothing": ({"u": "xabc"}, X_1_TO_3, [1, 1, 1]),
    "after the last step it wipes nothing": ({"u": "abcx"}, X_1_TO_3, [1, 1, 1]),
    "after the window it wipes nothing": ({"u": "ab  x"}, X_1_TO_3 | {"conversion_window_seconds": 180}, [1, 1, 0]),
    "inside the window, though nothing follows, it does": ({"u": "ab  x"}, X_1_TO_3 | {"conversion_window_seconds": 240}, [0, 0, 0]),
    "of two wipes the last decides": ({"u": "axbxc"}, X_1_TO_3, [1, 0, 0]),
    "from step 2 it wipes only attempts that have filled two, so that b and c are left": ({"u": "axbc", "v": "abxc"}, X_2_TO_3, [2, 2, 1]),
    "first ever: a second time is not the first": ({"u": "aba", "v": "ba"}, {"steps": named("ab", step_1={"occurrence": "first_ever"}), "date_from": "2024-01-01T09:00:30"}, [2, 0]),
    "first ever, in any order": ({"u": "ba"}, {"steps": named("ab", step_1={"occurrence": "first_ever"})}, [1, 1]),
    "a first-ever step is not like the same step of any time": ({"u": "aaa"}, {"steps": [{**own("a", "u"), "occurrence": "first_ever"}, own("a", "u")], "date_from": "2024-01-01T09:00:30"}, [1, 0]),
    "every event of a step is an attempt": ({"u": "cba"}, {"count": "attempts"}, [3, 2, 1]),
    "attempts that an exclusion wipes do not count": ({"u": "axcb"}, X_1_TO_3 | {"count": "attempts"}, [2, 1, 0]),
    "attempts with repeats": ({"u": "aab"}, {"steps": named("ab"), "count": "attempts"}, [3, 2]),
    "entry: the earliest lies in the range, later ones may lie after it": ({"u": "ba"}, {"date_to": "2024-01-01T09:00:30"}, [1, 1, 0]),
    "entry: what begins after the range does not count": ({"u": "ba", "v": " c"}, {"date_to": "2024-01-01T09:00:30"}, [1, 1, 0]),
    "all_steps: every step in the range": ({"u": "ba"}, {"date_to": "2024-01-01T09:00:30", "date_range": "all_steps"}, [1, 0, 0]),
    "what lies before the range fills nothing": ({"u": "cba"}, {"date_from": "2024-01-01T09:00:30"}, [1, 1, 0]),
    "a condition on a step": ({"u": "ba", "v": "ba"}, {"steps": [A, own("b", "u")]}, [2, 1]),
    "where restricts every step": ({"u": "ba"}, {"where": {"step": {"ne": "bu"}}}, [1, 0, 0]),
    "20 steps": ({"u": "tsrqponmlkjihgfedcba", "v": "abcdefghijklmnopqrs"}, {"steps": named("abcdefghijklmnopqrst")}, [2] * 19 + [1]),
}  # fmt: skip


@pytest.mark.parametrize("why", CASES)
def test_unordered_funnel(why):
    letters, question, expected = CASES[why]
    assert [row[2] for row in rows_of(letters, **question)] == expected


def test_steps_that_share_events_are_matched_as_well_as_can_be():
    steps = [{"event_name": "a", "where": {"step": ["au", "bu"]}}, {"event_name": "a", "where": {"step": ["au", "cu"]}}]
    rows = [event("a", f"2024-01-01T09:0{n}:00", "u", properties={"step": step}) for n, step in enumerate(["au", "bu"])]
    assert [row[2] for row in ask(database(rows), {"kind": "funnel", "order": "unordered", "steps": steps}).rows] == [
        1,
        1,
    ]
    assert [
        row[2]
        for row in ask(database(rows[1:] + rows[1:]), {"kind": "funnel", "order": "unordered", "steps": steps}).rows
    ] == [1, 0]


def test_names_and_rates_are_of_the_number_of_steps():
    rows = rows_of({"u": "cba", "v": "cb", "w": "c", "z": "a"})
    assert [row[1] for row in rows] == ["Completed 1 step", "Completed 2 steps", "Completed 3 steps"]
    assert [row[2:6] for row in rows] == [[4, 1.0, None, None], [2, 0.5, 0.5, 2], [1, 0.25, 0.5, 1]]


def test_times_are_between_one_step_and_the_next_that_is_filled():
    rows = rows_of({"u": "c b  a", "v": "b    a"})
    assert [row[-2:] for row in rows] == [[None, None], [(120 + 300) / 2, 210.0], [180.0, 180.0]]


def test_times_are_those_of_the_first_attempt_that_gets_furthest():
    assert rows_of({"u": "a   b  ab"}, steps=ABC[:2])[1][-2:] == [240.0, 240.0]
    assert rows_of({"u": "aab"}, steps=ABC[:2])[1][-2:] == [120.0, 120.0]


def test_a_histogram_is_of_the_steps_as_they_were_filled():
    histogram = {"from_step": 1, "to_step": 3, "bins": 2}
    assert rows_of({"u": "cba", "v": "b  c a", "w": "ab"}, histogram=histogram) == [
        [0.0, 150.0, 1, 210.0],
        [150.0, 300.0, 1, 210.0],
    ]


@pytest.mark.parametrize(("attribution", "expected"), [("first_touch", "cu"), ("last_touch", "au"), ("step:2", "bu")])
def test_a_breakdown_is_of_the_steps_as_they_were_filled(attribution, expected):
    rows = rows_of({"u": "cba"}, breakdown="step", attribution=attribution)
    assert [(row[0], row[3]) for row in rows] == [(expected, 1)] * 3


def test_a_breakdown_with_an_exclusion_is_of_what_was_left():
    rows = rows_of({"u": "cxba"}, breakdown="step", **X_1_TO_3)
    assert [(row[0], row[3]) for row in rows] == [("bu", 1), ("bu", 1), ("bu", 0)]


def trend(rows, **question):
    question = {
        "kind": "funnel",
        "order": "unordered",
        "steps": ABC[:2],
        "trend": "day",
        "conversion_window_seconds": 43_200,
        **question,
    }
    return [tuple(row) for row in ask(database(rows), question).rows]


DAYS = [
    event(name, f"2024-01-0{day}T09:00:00", "u") for day, names in ((1, "ba"), (2, "a"), (3, "bb")) for name in names
]


def test_in_a_trend_a_person_counts_once_a_period_at_its_furthest():
    assert trend(DAYS) == [
        ("2024-01-01", 1, 1, 1.0, True), ("2024-01-02", 1, 0, 0.0, False), ("2024-01-03", 1, 0, 0.0, False),
    ]  # fmt: skip


def test_in_a_trend_of_attempts_each_event_counts():
    assert [row[1:3] for row in trend(DAYS, count="attempts")] == [(2, 1), (1, 0), (2, 0)]


def test_in_a_trend_a_later_day_fills_the_step_of_the_day_of_entry():
    assert [row[1:3] for row in trend(DAYS, conversion_window_seconds=86_400)] == [(1, 1), (1, 1), (1, 0)]


def test_a_trend_with_an_exclusion():
    rows = [*DAYS, event("x", "2024-01-02T10:00:00", "u")]
    excluded = {"exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}
    assert [row[1:3] for row in trend(rows, **excluded)] == [(1, 1), (0, 0), (1, 0)]


def test_a_trend_with_a_breakdown():
    rows = [row | {"properties": {"plan": "pro" if row["event_name"] == "a" else "free"}} for row in DAYS]
    assert [(row[0], row[1][-1], *row[2:4]) for row in trend(rows, breakdown="plan")] == [
        ("free", "1", 0, 0), ("free", "2", 0, 0), ("free", "3", 1, 0), ("pro", "1", 1, 1), ("pro", "2", 1, 0), ("pro", "3", 0, 0),
    ]  # fmt: skip


def test_events_of_one_moment_all_count():
    rows = [event(name, "2024-01-01T09:00:00", "u") for name in "cba"]
    question = {"kind": "funnel", "order": "unordered", "steps": ABC, "conversion_window_seconds": 1}
    assert [row[2] for row in ask(database(rows), question).rows] == [1, 1, 1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": named("abc", step_2={"optional": True})}, "so that none is left out: make every step required"),
        ({"steps": [own("a", user) for user in "uvwxyz"]}, "6 different steps may share events named a, and an unordered funnel can tell 5 apart"),
        ({"steps": [*named("abcde"), {"event_name": None, "where": {"step": "au"}}]}, "6 different steps may share events, and"),
        ({"order": "any"}, "Legal values: ordered, strict, unordered."),
    ],
)  # fmt: skip
def test_a_wrong_unordered_funnel_is_refused(wrong, message):
    with pytest.raises(AskError) as error:
        rows_of({"u": "a"}, **wrong)
    assert message in str(error.value)


def test_many_steps_that_cannot_share_an_event_may_stand_beside_any_event():
    steps = [*named("abcdefgh"), ANY]
    assert [row[2] for row in rows_of({"u": "hgfedcbax", "v": "hgfedcba"}, steps=steps)] == [2] * 8 + [1]


@pytest.mark.parametrize("order", ["ordered", "strict", "unordered"])
def test_sessions_are_counted_as_a_unit(order):
    rows = [
        event(name, f"2024-01-01T{clock}", "u")
        for name, clock in (("a", "09:00"), ("b", "09:10"), ("a", "11:00"), ("b", "13:00"))
    ]
    question = {"kind": "funnel", "order": order, "steps": ABC[:2], "unit": "session"}
    assert [row[2] for row in ask(published_sessions(rows), question).rows] == [3 if order == "unordered" else 2, 1]


@pytest.mark.parametrize("order", ["ordered", "strict", "unordered"])
def test_the_order_of_rows_does_not_matter(order):
    rows = [
        event(random.Random(n).choice("abcx"), f"2024-01-01T09:{n // 8:02}:00", f"u{n % 6}", event_id=f"e{n}", properties={"plan": n % 3})
        for n in range(300)
    ]  # fmt: skip
    question = {"kind": "funnel", "order": order, "steps": ABC, "conversion_window_seconds": 120, "breakdown": "plan"}
    for more in ({}, {"exclusions": [{"event_name": "x", "from_step": 1, "to_step": 2}]}, {"count": "attempts"}):
        answers = [
            ask(database(random.Random(seed).sample(rows, len(rows))), question | more).rows for seed in range(3)
        ]
        assert answers[0] == answers[1] == answers[2]


HEAVY = """
    create table events as select
        'e' || n as event_id, 'p' as person_id, chr(97 + (n % 5)::int) as event_name, 'default' as app, true as is_activity,
        timestamp '2024-01-01' + to_seconds(n) as occurred_at, json_object('k', n % 2)::varchar as properties
    from range(100_000) as numbers(n)
"""
OVERLAPPING = [A, {"event_name": "a", "where": {"k": 1}}, ANY, B, B]
EXCLUDED = {"exclusions": [{"event_name": "d", "from_step": 1, "to_step": 3}]}


@pytest.mark.parametrize(
    ("order", "question", "expected"),
    [
        ("ordered", {}, [1, 1, 1]),
        ("ordered", EXCLUDED, [1, 1, 1]),
        ("ordered", {"count": "attempts"}, [20_000] * 3),
        ("strict", {}, [1, 1, 1]),
        ("unordered", {}, [1, 1, 1]),
        ("unordered", EXCLUDED, [1, 1, 1]),
        # at the end an attempt finds fewer steps: …a b c d e
        ("unordered", {"count": "attempts"}, [60_000, 59_999, 59_998]),
        ("unordered", {"steps": OVERLAPPING}, [1] * 5),
    ],
)
def test_a_person_with_100_000_events(order, question, expected):
    connection = duckdb.connect()
    connection.execute(HEAVY)
    question = {"kind": "funnel", "order": order, "steps": ABC, **question}
    assert [row[2] for row in ask(connection, question).rows] == expected


needs_clickstream = pytest.mark.skipif(
    not (REAL_DATA / "ecommerce_clickstream").is_dir(), reason="the real data sets (../shared/data) are not here"
)


@needs_clickstream
@pytest.mark.parametrize("window", [60, 600, 86_400])
def test_the_clickstream_in_any_order_agrees_with_plain_python(window):
    frame = pl.read_csv(REAL_DATA / "ecommerce_clickstream" / "2019-Oct_first_170min.csv").with_columns(
        pl.col("event_time").str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M:%S UTC")
    )
    events = defaultdict(list)
    for moment, name, user in frame.select(pl.col("event_time").dt.epoch("s"), "event_type", "user_id").iter_rows():
        events[user].append((moment, name))
    furthest = [
        max(len({name for later, name in own if 0 <= later - moment <= window}) for moment, _ in own)
        for own in events.values()
    ]
    expected = [sum(depth >= steps for depth in furthest) for steps in (1, 2, 3)]
    connection = database([])
    connection.unregister("events")
    connection.register("clicks", frame.with_row_index("number").to_arrow())
    connection.execute(
        "create view events as select number::varchar as event_id, event_type as event_name, event_time as occurred_at, "
        "user_id::varchar as person_id, true as is_activity, 'default' as app, '{}' as properties from clicks"
    )
    steps = [{"event_name": name} for name in ("purchase", "cart", "view")]
    question = {"kind": "funnel", "order": "unordered", "steps": steps, "conversion_window_seconds": window}
    assert [row[2] for row in ask(connection, question).rows] == expected
    assert expected[0] == len(events) and expected[2] > 0
