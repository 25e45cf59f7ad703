"""Paths in small cases that a person can check by hand: letters are events, ten minutes apart."""

# ruff: noqa: E501 - one row, one line

import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import duckdb
import jsonschema
import polars as pl
import pytest

from serving.ask import AskError, question_schema
from serving.ask.engines import engine
from tests.ingest.events import REAL_DATA
from tests.serving.ask import oracle
from tests.serving.ask.data import ask, database, event
from tests.serving.ask.test_published import published_sessions

NINE = datetime(2024, 1, 1, 9)


def walks(**users):
    """Events by user: each letter ten minutes after the one before; a space is ten minutes of silence."""
    return [
        event(
            name, NINE + timedelta(minutes=10 * place), user, properties={"screen": name.upper()}, page_url=f"/{name}"
        )
        for user, letters in users.items()
        for place, name in enumerate(letters)
        if name != " "
    ]


def links(letters, **question):
    rows = ask(database(walks(**letters)), {"kind": "paths", **question}).rows
    return [(step, f"{source}>{target or ''}", paths) for step, source, target, paths, _ in rows]


def seconds(letters, **question):
    return [row[-1] for row in ask(database(walks(**letters)), {"kind": "paths", **question}).rows]


CASES = {
    "step 1 leads from the first item to the second": ({"u": "abc"}, {}, [(1, "a>b", 1), (2, "b>c", 1)]),
    "a link counts once for each path": ({"u": "ab", "v": "ab", "w": "ac"}, {}, [(1, "a>b", 2), (1, "a>c", 1)]),
    "the same link at another place is another row": ({"u": "ab", "v": "cab"}, {}, [(1, "a>b", 1), (1, "c>a", 1), (2, "a>b", 1)]),
    "one event makes no link": ({"u": "a"}, {}, []),
    "a way back is a link like any other": ({"u": "aba"}, {}, [(1, "a>b", 1), (2, "b>a", 1)]),
    "repeats in a row are one stay": ({"u": "aabbb"}, {}, [(1, "a>b", 1)]),
    "unless they are wanted": ({"u": "aab"}, {"collapse_repeats": False}, [(1, "a>a", 1), (2, "a>b", 1)]),
    "a silence of exactly the gap does not end a path": ({"u": "a  b"}, {}, [(1, "a>b", 1)]),
    "a longer one does": ({"u": "a   b"}, {}, []),
    "the gap is a parameter": ({"u": "a   b"}, {"gap_seconds": 2400}, [(1, "a>b", 1)]),
    "each session of a unit is a path": ({"u": "ab   ab"}, {}, [(1, "a>b", 2)]),
    "a repeat after a silence begins a new path": ({"u": "ab   bc"}, {}, [(1, "a>b", 1), (1, "b>c", 1)]),
    "the silence is counted from the last repeat": ({"u": "a  a  b"}, {}, [(1, "a>b", 1)]),
    "per unit no silence ends a path": ({"u": "ab         cd"}, {"per": "unit"}, [(1, "a>b", 1), (2, "b>c", 1), (3, "c>d", 1)]),
    "per unit repeats across a silence collapse too": ({"u": "ab         bc"}, {"per": "unit"}, [(1, "a>b", 1), (2, "b>c", 1)]),
    "max_steps keeps the first items": ({"u": "abcd"}, {"max_steps": 3}, [(1, "a>b", 1), (2, "b>c", 1)]),
    "collapsed repeats take one place of max_steps": ({"u": "aabbc"}, {"max_steps": 3}, [(1, "a>b", 1), (2, "b>c", 1)]),
    "repeats that are kept take one each": ({"u": "aabbc"}, {"max_steps": 3, "collapse_repeats": False}, [(1, "a>a", 1), (2, "a>b", 1)]),
    "start leaves out what lies before it": ({"u": "xabc"}, {"start": "a"}, [(1, "a>b", 1), (2, "b>c", 1)]),
    "start is the first such item of the path": ({"u": "abac"}, {"start": "a"}, [(1, "a>b", 1), (2, "b>a", 1), (3, "a>c", 1)]),
    "paths without the start are left out": ({"u": "xy", "v": "ab"}, {"start": "a"}, [(1, "a>b", 1)]),
    "each session has its own start": ({"u": "xab   yac"}, {"start": "a"}, [(1, "a>b", 1), (1, "a>c", 1)]),
    "the next two after the start": ({"u": "xabcd"}, {"start": "a", "max_steps": 3}, [(1, "a>b", 1), (2, "b>c", 1)]),
    "end leaves out what lies after it": ({"u": "abcx"}, {"end": "c"}, [(1, "a>b", 1), (2, "b>c", 1)]),
    "end is the first such item": ({"u": "acbc"}, {"end": "c"}, [(1, "a>c", 1)]),
    "a path that begins with its end has no link": ({"u": "cabc"}, {"end": "c"}, []),
    "the previous two before the end, counted from the first that is kept": ({"u": "abcd", "v": "xcd"}, {"end": "d", "max_steps": 3}, [(1, "b>c", 1), (1, "x>c", 1), (2, "c>d", 2)]),
    "the previous two before the end, counted backwards": ({"u": "abcd", "v": "cd"}, {"end": "d", "max_steps": 3, "count_from": "end"}, [(-2, "b>c", 1), (-1, "c>d", 2)]),
    "counted backwards, an early end is step -1 too": ({"u": "ad", "v": "abcd"}, {"end": "d", "count_from": "end", "max_steps": 2}, [(-1, "a>d", 1), (-1, "c>d", 1)]),
    "backwards without an end: how paths finish": ({"u": "abc", "v": "xbc"}, {"count_from": "end", "max_steps": 2}, [(-1, "b>c", 2)]),
    "backwards from a start": ({"u": "xab"}, {"count_from": "end", "start": "a"}, [(-1, "a>b", 1)]),
    "from start to end": ({"u": "xabcy"}, {"start": "a", "end": "c"}, [(1, "a>b", 1), (2, "b>c", 1)]),
    "an end before the start does not count": ({"u": "cab"}, {"start": "a", "end": "c"}, []),
    "from an item back to itself": ({"u": "xabay"}, {"start": "a", "end": "a"}, [(1, "a>b", 1), (2, "b>a", 1)]),
    "from start to end, too long: the first items stay": ({"u": "abcd"}, {"start": "a", "end": "d", "max_steps": 3}, [(1, "a>b", 1), (2, "b>c", 1)]),
    "from start to end backwards: the last items stay": ({"u": "abcd"}, {"start": "a", "end": "d", "max_steps": 3, "count_from": "end"}, [(-2, "b>c", 1), (-1, "c>d", 1)]),
    "a drop-off is a row without a target": ({"u": "ab", "v": "a"}, {"dropoff": True}, [(1, "a>b", 1), (1, "a>", 1), (2, "b>", 1)]),
    "drop-offs come after the links of their step": ({"u": "ab", "v": "a", "w": "a"}, {"dropoff": True, "max_steps": 2}, [(1, "a>b", 1), (1, "a>", 2)]),
    "a path that max_steps cuts does not drop off": ({"u": "abc", "v": "ab"}, {"dropoff": True, "max_steps": 3}, [(1, "a>b", 2), (2, "b>c", 1), (2, "b>", 1)]),
    "drop-offs after a start": ({"u": "xab", "v": "xa", "w": "x"}, {"dropoff": True, "start": "a"}, [(1, "a>b", 1), (1, "a>", 1), (2, "b>", 1)]),
    "every session drops off once": ({"u": "ab   ab"}, {"dropoff": True}, [(1, "a>b", 2), (2, "b>", 2)]),
    "items may be a property": ({"u": "ab"}, {"item": "properties.screen"}, [(1, "A>B", 1)]),
    "items may be pages": ({"u": "ab"}, {"item": "context.page_url", "start": "/a"}, [(1, "/a>/b", 1)]),
    "events without the item are left out": ({"u": "ab"}, {"item": "properties.nothing"}, []),
    "other events do not stand between": ({"u": "axb"}, {"events": [{"event_name": "a"}, {"event_name": "b"}]}, [(1, "a>b", 1)]),
    "nor do they bridge a silence": ({"u": "a x  b"}, {"events": [{"event_name": "a"}, {"event_name": "b"}]}, []),
    "where restricts events too": ({"u": "axb"}, {"where": {"screen": ["A", "B"]}}, [(1, "a>b", 1)]),
    "only events of the range": ({"u": "abcd"}, {"date_from": "2024-01-01T09:10:00", "date_to": "2024-01-01T09:20:00"}, [(1, "b>c", 1)]),
    "a property can be the unit": ({"u": "ab", "v": "ab"}, {"unit": "properties.screen"}, []),
    "more paths come first, then the names": ({"u": "ab", "v": "ac", "w": "ac", "x": "ad"}, {}, [(1, "a>c", 2), (1, "a>b", 1), (1, "a>d", 1)]),
    "nobody": ({"u": "a"}, {"where": {"screen": "none"}}, []),
}  # fmt: skip


@pytest.mark.parametrize("why", CASES)
def test_paths(why):
    letters, question, expected = CASES[why]
    assert links(letters, **question) == expected


def test_seconds_run_from_arrival_to_arrival():
    assert seconds({"u": "aab", "v": "ab"}) == [(1200 + 600) / 2]
    assert seconds({"u": "ab"}, dropoff=True) == [600.0, None]


def test_equal_times_are_taken_in_the_order_of_event_ids():
    rows = [event(name, NINE, "u", event_id=number) for name, number in (("b", "2"), ("c", "3"), ("a", "1"))]
    answer = ask(database(rows), {"kind": "paths"}).rows
    assert [row[1:3] for row in answer] == [["a", "b"], ["b", "c"]]


MOMENTS = {
    "A, B, A at one time: nobody saw the way back": ([("aba", 0)], {}, ["ab"]),
    "nor one through two others": ([("abcab", 0)], {}, ["ab", "bc"]),
    "an item stands at the first of its ids": ([("bacb", 0)], {}, ["ba", "ac"]),
    "the stay before goes on": ([("b", 0), ("bab", 1)], {}, ["ba"]),
    "and the stay at the end too": ([("aba", 0), ("b", 1)], {}, ["ab"]),
    "later moments are ways of their own": ([("ab", 0), ("ab", 1)], {}, ["ab", "ba", "ab"]),
    "repeats that are wanted stand in the order of ids": ([("aba", 0)], {"collapse_repeats": False}, ["ab", "ba"]),
    "a path may begin within a moment": ([("abab", 0), ("c", 1)], {"start": "b"}, ["bc"]),
    "and end there": ([("c", 0), ("aba", 1)], {"end": "b"}, ["ca", "ab"]),
}


@pytest.mark.parametrize("why", MOMENTS)
def test_events_of_one_moment(why):
    moments, question, expected = MOMENTS[why]
    names = [(name, minute) for letters, minute in moments for name in letters]
    rows = [
        event(name, NINE + timedelta(minutes=minute), "u", event_id=f"e{n}") for n, (name, minute) in enumerate(names)
    ]
    # other units do not mind, and stay as they are
    others = [event(name, NINE, "v", event_id=f"v{n}") for n, name in enumerate("xy")]
    rows = ask(database([*rows, *others]), {"kind": "paths", **question}).rows
    assert [source + target for _, source, target, *_ in rows if source != "x"] == expected


@pytest.mark.parametrize(
    "question", [{}, {"collapse_repeats": False}, {"start": "b", "dropoff": True}, {"per": "unit", "end": "c"}]
)
def test_crowded_moments_are_those_of_the_oracle(question):
    rng = random.Random(5)
    rows = [
        event(rng.choice("abc"), NINE + timedelta(minutes=rng.choice([0, 1, 2, 40, 41])), f"u{n % 40}", event_id=f"e{rng.random()}")
        for n in range(600)
    ]  # fmt: skip
    question = {"kind": "paths", **question}
    found, expected = ask(database(rows), question).rows, oracle.paths(rows, question)
    assert [row[:4] for row in found] == [row[:4] for row in expected]


def test_passive_events_count_only_where_they_are_selected():
    rows = [
        event("a", NINE, "u"),
        event("n", NINE + timedelta(minutes=1), "u", is_activity=False),
        event("b", NINE + timedelta(minutes=2), "u"),
    ]
    assert [row[1:3] for row in ask(database(rows), {"kind": "paths"}).rows] == [["a", "b"]]
    any_event = {"kind": "paths", "events": [{"event_name": None}]}
    assert [row[1:3] for row in ask(database(rows), any_event).rows] == [["a", "n"], ["n", "b"]]


def test_a_quote_in_an_item_is_only_a_character():
    rows = [event("it's", NINE, "u"), event("b", NINE + timedelta(minutes=1), "u")]
    assert ask(database(rows), {"kind": "paths", "start": "it's"}).rows == [[1, "it's", "b", 1, 60.0]]


def test_the_order_of_rows_does_not_matter():
    rows = [
        event(random.Random(number).choice("abcd"), NINE + timedelta(seconds=number // 3 * 7), f"u{number % 5}", event_id=f"e{number}")
        for number in range(400)
    ]  # fmt: skip
    question = {"kind": "paths", "dropoff": True, "gap_seconds": 7}
    answer = ask(database(rows), question)
    for seed in range(3):
        assert ask(database(random.Random(seed).sample(rows, len(rows))), question) == answer


def test_a_unit_with_100_000_events():
    connection = database([])
    connection.execute(
        "create table one_person as select 'e' || n as event_id, 'p' as person_id, chr(97 + (n % 7)::int) as event_name, "
        "timestamp '2024-01-01' + to_seconds(n * 60) as occurred_at, true as is_activity, 'default' as app, '{}' as properties "
        "from range(100_000) as numbers(n)"
    )
    connection.unregister("events")
    connection.execute("create view events as select * from one_person")
    answer = ask(connection, {"kind": "paths", "start": "a", "max_steps": 4}).rows
    assert answer == [[1, "a", "b", 1, 60.0], [2, "b", "c", 1, 60.0], [3, "c", "d", 1, 60.0]]


def test_the_engine_keeps_columns_that_belong_to_a_path_and_counts_by_some_of_them():
    connection = duckdb.connect()
    connection.execute("""create table views as select * from (values
        (date '2024-01-01', 's1', 0, 'e1', 'a'), (date '2024-01-01', 's1', 5_000_000, 'e2', 'b'),
        (date '2024-01-01', 's2', 0, 'e3', 'a'), (date '2024-01-01', 's2', 7_000_000, 'e4', 'b'),
        (date '2024-01-01', 's2', 1_000_000_000, 'e5', 'a'), (date '2024-01-01', 's2', 1_012_000_000, 'e6', 'b'),
        (date '2024-01-02', 's1', 9_000_000, 'e7', 'b'), (date '2024-01-02', 's1', 10_000_000, 'e8', 'a')
    ) as rows(day, unit, at_us, event_id, item)""")
    found = engine("path_links", events="views", gap_us=100_000_000, by=["day"])
    by_day = engine("paths", links=f"({found})", by=["day"])
    assert connection.execute(f"select day::varchar, * exclude day from ({by_day}) order by all").fetchall() == [
        ("2024-01-01", 1, "a", "b", 3, 2, 8.0, 7.0), ("2024-01-02", 1, "b", "a", 1, 1, 1.0, 1.0),
    ]  # fmt: skip
    overall = engine("paths", links=f"({found})")
    assert connection.execute(f"select source, paths, units from ({overall}) order by all").fetchall() == [
        ("a", 3, 2),
        ("b", 1, 1),
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"item": "screen"}, "`item` is \"screen\": name event_name, properties.<name> or context.<field>"),
        ({"item": "properties."}, "name event_name, properties.<name> or context.<field>"),
        ({"per": "person"}, "Legal values: session, unit."),
        ({"max_steps": 1}, "`max_steps` is 1: input should be greater than or equal to 2"),
        ({"gap_seconds": 0}, "`gap_seconds` is 0: input should be greater than 0"),
        ({"per": "unit", "gap_seconds": 60}, "`gap_seconds` cuts paths per session, and `per` is unit"),
        ({"dropoff": True, "end": "a"}, "`dropoff` shows where paths break off"),
        ({"dropoff": True, "count_from": "end"}, "ask for one of the two"),
        ({"collapse": False}, "Unknown key `collapse`; did you mean `collapse_repeats`?"),
        ({"events": []}, "`events` is []"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_refused(wrong, message):
    with pytest.raises(AskError) as error:
        ask(database(walks(u="ab")), {"kind": "paths"} | wrong)
    assert message in str(error.value)


needs_clickstream = pytest.mark.skipif(
    not (REAL_DATA / "ecommerce_clickstream").is_dir(), reason="the real data sets (../shared/data) are not here"
)


@pytest.fixture(scope="module")
def clickstream():
    """The clickstream as plain rows, with ids that follow the file's order."""
    frame = pl.read_csv(REAL_DATA / "ecommerce_clickstream" / "2019-Oct_first_170min.csv")
    return frame.with_row_index("number").with_columns(
        pl.col("event_time").str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M:%S UTC").alias("occurred_at"),
        pl.col("user_id").cast(pl.String),
        pl.format("e{}", pl.col("number").cast(pl.String).str.zfill(8)).alias("event_id"),
    )


def published(frame):
    connection = database([])
    connection.unregister("events")
    connection.register("clicks", frame.to_arrow())
    connection.execute(
        "create view events as select event_id, event_type as event_name, occurred_at, user_id, user_id as person_id, "
        "true as is_activity, 'default' as app, json_object('category', category_code, 'session', user_session)::varchar as properties from clicks"
    )
    return connection


@needs_clickstream
@pytest.mark.parametrize("is_collapsed", [True, False])
def test_paths_through_the_clickstream_agree_with_polars(clickstream, is_collapsed):
    stays = clickstream.filter(pl.col("category_code").is_not_null()).sort("user_id", "occurred_at", "event_id")
    gap = (pl.col("occurred_at") - pl.col("occurred_at").shift().over("user_id")) > pl.duration(seconds=1800)
    stays = stays.with_columns(gap.fill_null(True).cum_sum().over("user_id").alias("visit"))
    of_visit = ["user_id", "visit"]
    if is_collapsed:
        is_same = pl.col("category_code") == pl.col("category_code").shift().over(of_visit)
        stays = stays.filter(~is_same.fill_null(False))
    stays = stays.with_columns(
        pl.int_range(1, pl.len() + 1).over(of_visit).alias("step"),
        pl.col("category_code").shift(-1).over(of_visit).alias("target"),
        (pl.col("occurred_at").shift(-1).over(of_visit) - pl.col("occurred_at")).dt.total_microseconds().alias("us"),
    ).filter(pl.col("target").is_not_null())
    counted = stays.group_by("step", "category_code", "target").agg(pl.len(), pl.col("us").sum())
    expected = {
        (step, source, target): (paths, us / paths / 1e6) for step, source, target, paths, us in counted.iter_rows()
    }
    question = {"kind": "paths", "item": "properties.category", "collapse_repeats": is_collapsed}
    found = {tuple(row[:3]): tuple(row[3:]) for row in ask(published(clickstream), question).rows}
    assert len(found) > 400
    assert found == expected


@needs_clickstream
def test_what_leads_to_a_purchase_agrees_with_plain_python(clickstream):
    sessions = defaultdict(list)
    for session, name, _, _ in sorted(
        clickstream.select("user_session", "event_type", "occurred_at", "event_id").iter_rows(), key=lambda row: row[2:]
    ):
        if not sessions[session] or sessions[session][-1] != name:
            sessions[session].append(name)
    before = Counter(
        (walk[walk.index("purchase") - 1],)
        for walk in sessions.values()
        if "purchase" in walk and walk[0] != "purchase"
    )
    question = {
        "kind": "paths",
        "unit": "properties.session",
        "per": "unit",
        "end": "purchase",
        "max_steps": 2,
        "count_from": "end",
    }
    assert {(row[1],): row[3] for row in ask(published(clickstream), question).rows} == before
    assert before.total() > 100


def test_published_sessions_are_paths_of_the_unit_session():
    rows = [
        event(name, f"2024-01-01T{clock}", "u")
        for name, clock in (("a", "09:00"), ("b", "09:10"), ("c", "09:41"), ("d", "10:00"))
    ]
    question = {"kind": "paths", "unit": "session", "per": "unit"}
    assert [row[1:4] for row in ask(published_sessions(rows), question).rows] == [["a", "b", 1], ["c", "d", 1]]


@pytest.mark.parametrize(
    ("question", "is_legal"),
    [
        ({"item": "context.page_url", "per": "unit", "count_from": "end", "max_steps": 3}, True),
        ({"item": "properties.screen", "start": "home", "dropoff": True, "events": [{"event_name": "view"}]}, True),
        ({"item": "page"}, False),
        ({"max_steps": 1}, False),
    ],
)
def test_the_schema_tells_legal_questions_from_wrong_ones(question, is_legal):
    validator = jsonschema.Draft202012Validator(question_schema())
    assert validator.is_valid({"kind": "paths"} | question) == is_legal


def test_the_question_of_an_answer_can_be_asked_again():
    connection = database(walks(u="abc"))
    answer = ask(connection, {"kind": "paths", "per": "unit", "start": "a"})
    assert ask(connection, answer.question) == answer


def test_every_start_has_a_path_of_its_own():
    question = {"start": "a", "max_steps": 3}
    assert links({"u": "abacd"}, **question) == [(1, "a>b", 1), (2, "b>a", 1)]
    assert links({"u": "abacd"}, **question, anchor="every") == [
        (1, "a>b", 1), (1, "a>c", 1), (2, "b>a", 1), (2, "c>d", 1),
    ]  # fmt: skip
    # without a start it is every end, and what leads there
    assert links({"u": "xabyab"}, end="b", max_steps=2, anchor="every", count_from="end") == [(-1, "a>b", 2)]


def test_whole_paths_are_counted_with_their_items_and_times():
    def whole(letters, **question):
        return ask(database(walks(**letters)), {"kind": "paths", "whole": True, **question}).rows

    assert whole({"u": "ab", "v": "a b", "w": "a"}) == [["a > b", 2, 2, 900.0], ["a", 1, 1, 0.0]]
    assert whole({"u": "ab", "v": "abc"}, top=1, max_steps=2) == [["a > b", 2, 2, 600.0]]
    assert whole({"u": "acab"}, start="a", end="b", max_steps=4, anchor="every") == [
        ["a > b", 2, 1, 600.0], ["a > c > a > b", 4, 1, 1800.0],
    ]  # fmt: skip


def test_links_are_all_listed_and_whole_paths_up_to_the_top():
    connection = database(walks(u="".join(map(chr, range(200, 302)))))
    answer = ask(connection, {"kind": "paths"})
    assert (len(answer.rows), answer.is_cut) == (101, False)
    whole = {"kind": "paths", "whole": True}
    assert [ask(connection, whole | top).is_cut for top in ({}, {"top": 1})] == [False, True]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"anchor": "every", "max_steps": 3}, "name one of them"),
        ({"anchor": "every", "start": "a"}, "by `max_steps` how many"),
        ({"whole": True, "dropoff": True}, "leave one out"),
        ({"top": 3}, "set `whole` too"),
    ],
)
def test_what_paths_cannot_be_asked_together_is_refused(wrong, message):
    with pytest.raises(AskError, match=message):
        links({"u": "ab"}, **wrong)
