"""Trends in small cases that a person can check by hand."""

# ruff: noqa: E501 - one row, one line

import json
import random

import jsonschema
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from orchestration.cli.ask import ask as ask_command
from serving.ask import AskError, question_schema
from serving.ask.formula import formula_sql
from tests.ingest.events import REAL_DATA
from tests.serving.ask.data import ask, database, event, without_completeness

# Monday to Friday: u1 buys for 10 and 30 on Monday and 20 on Wednesday, u2 for 40 on Monday, a guest for 5 on Friday
ROWS = [
    event("buy", "2024-01-01T09:00", "u1", properties={"price": 10, "plan": "pro"}),
    event("buy", "2024-01-01T10:00", "u1", properties={"price": "30", "plan": "pro"}),
    event("buy", "2024-01-01T11:00", "u2", properties={"price": 40, "plan": "free"}),
    event("look", "2024-01-02T09:00", "u2", properties={"plan": "free"}),
    event("buy", "2024-01-03T09:00", "u1", properties={"price": 20, "plan": "team"}),
    event("buy", "2024-01-05T23:59:59", None, properties={"price": 5}),
    event("note", "2024-01-05T12:00", "u3", properties={"price": "dear"}, is_activity=False),
]
BUY = {"event_name": "buy"}
LOOK = {"event_name": "look"}


def rows_of(rows=ROWS, **question):
    return [tuple(row) for row in without_completeness(ask(database(rows), {"kind": "trends"} | question))]


def values(rows=ROWS, measure="count", selector=BUY, **question):
    series = {"A": selector | {"measure": measure}}
    if measure not in ("count", "uniques", "count_per_unit"):
        series["A"]["property"] = "price"
    return [row[2] for row in rows_of(rows, **{"series": series} | question)]


MEASURES = {
    "count: events; a day without is 0, and a guest's event is an event": ("count", [3, 0, 1, 0, 1]),
    "uniques: persons; a guest is nobody": ("uniques", [2, 0, 1, 0, 0]),
    "count_per_unit: 3 events by 2 persons; without persons there is no such number": (
        "count_per_unit",
        [1.5, None, 1, None, None],
    ),
    "sum: also of numbers written as text": ("sum", [80, 0, 20, 0, 5]),
    "avg: of 10, 30 and 40": ("avg", [80 / 3, None, 20, None, 5]),
    "min": ("min", [10, None, 20, None, 5]),
    "max": ("max", [40, None, 20, None, 5]),
    "p50: the middle one of 10, 30, 40": ("p50", [30, None, 20, None, 5]),
    "p90: 1.8 steps from 10 past 30, so 30 + 0.8 x 10": ("p90", [38, None, 20, None, 5]),
    "p95: 30 + 0.9 x 10": ("p95", [39, None, 20, None, 5]),
    "p99: 30 + 0.98 x 10": ("p99", [39.8, None, 20, None, 5]),
}


@pytest.mark.parametrize("why", MEASURES)
def test_measures(why):
    measure, expected = MEASURES[why]
    assert values(measure=measure) == pytest.approx(expected)


CASES = {
    "no event name is any event, activity or not": ({"selector": {"event_name": None}}, [3, 1, 1, 0, 2]),
    "a condition of the series": ({"selector": BUY | {"where": {"price": {"gte": 30}}}}, [2, 0, 0, 0, 0]),
    "a condition of the question": ({"where": {"plan": "pro"}}, [2, 0, 0, 0, 0]),
    "both hold": ({"where": {"plan": "pro"}, "selector": BUY | {"where": {"price": {"gte": 30}}}}, [1, 0, 0, 0, 0]),
    "date_from and date_to are both inside": ({"date_from": "2024-01-02", "date_to": "2024-01-03"}, [0, 1]),
    "a local time cuts the first day": ({"date_from": "2024-01-01T10:00:00", "date_to": "2024-01-01"}, [2]),
    "a range after the data is zero": ({"date_from": "2024-01-05", "date_to": "2024-01-07"}, [1, 0, 0]),
    "a week": ({"interval": "week"}, [5]),
    "a week from Sunday holds the same days": ({"interval": "week", "week_start": "sunday"}, [5]),
    "a week holds the events of the range only": ({"interval": "week", "date_from": "2024-01-03"}, [2]),
    "a month": ({"interval": "month"}, [5]),
    "the total of uniques is not their sum": ({"interval": "total", "measure": "uniques"}, [2]),
    "for another unit than person, events without it are left out": ({"unit": "properties.plan"}, [3, 0, 1, 0, 0]),
    "uniques of another unit": ({"unit": "properties.plan", "measure": "uniques"}, [2, 0, 1, 0, 0]),
    "sum of values that are no number is 0": ({"selector": {"event_name": "note"}, "measure": "sum"}, [0, 0, 0, 0, 0]),
    "and their average null": ({"selector": {"event_name": "note"}, "measure": "avg"}, [None] * 5),
    "in Kathmandu Friday's last minute is Saturday": ({"timezone": "Asia/Kathmandu"}, [3, 0, 1, 0, 0, 1]),
    "rolling: the mean of up to two days": ({"rolling": 2}, [3, 1.5, 0.5, 0.5, 0.5]),
    "rolling reaches back before date_from": ({"rolling": 2, "date_from": "2024-01-02"}, [1.5, 0.5, 0.5, 0.5]),
    "but not before the data": ({"rolling": 9, "date_from": "2024-01-01", "date_to": "2024-01-02"}, [3, 1.5]),
    "zeros before the data count where they are asked for": ({"rolling": 2, "date_from": "2023-12-31", "date_to": "2024-01-01"}, [0, 1.5]),
    "rolling leaves out days without a value": ({"rolling": 2, "measure": "max"}, [40, 40, 20, 20, 5]),
    "a first day that is cut stays cut, the day before it is whole": (
        {"rolling": 2, "date_from": "2024-01-03T10:00:00", "date_to": "2024-01-04"}, [0, 0]
    ),
    "and the other way round": ({"rolling": 3, "date_from": "2024-01-03T09:00:00", "date_to": "2024-01-03"}, [4 / 3]),
}  # fmt: skip


@pytest.mark.parametrize("why", CASES)
def test_trends(why):
    question, expected = CASES[why]
    assert values(**question) == pytest.approx(expected)


FORMULAS = {
    "aggregate first, then divide": ("sums / counts", [80 / 3, None, 20, None, 5]),
    "a division by zero is null, also inside": ("1 + sums / (counts - 1)", [41, 1, None, 1, None]),
    "times before plus": ("counts + counts * 2", [9, 0, 3, 0, 3]),
    "from the left": ("sums - counts - 1", [76, -1, 18, -1, 3]),
    "division from the left": ("sums / 2 / 4", [10, 0, 2.5, 0, 0.625]),
    "parentheses": ("(sums - 2) * 0.5", [39, -1, 9, -1, 1.5]),
    "minus before a value": ("-counts*-2", [6, 0, 2, 0, 2]),
    "a series that is null makes null": ("longest - counts", [37, None, 19, None, 4]),
    "numbers alone": (".5", [0.5] * 5),
}


@pytest.mark.parametrize("why", FORMULAS)
def test_formulas(why):
    formula, expected = FORMULAS[why]
    prices = BUY | {"property": "price"}
    series = {"counts": BUY, "sums": prices | {"measure": "sum"}, "longest": prices | {"measure": "max"}}
    found = rows_of(series=series, formula=formula)
    assert [row[2] for row in found if row[1] == "formula"] == pytest.approx(expected)
    assert [row[1] for row in found[:4]] == ["counts", "sums", "longest", "formula"]


def test_a_formula_divides_in_each_breakdown_apart():
    found = rows_of(
        series={"A": BUY, "B": LOOK},
        formula="A / B",
        breakdown="plan",
        date_from="2024-01-01",
        date_to="2024-01-02",
        interval="total",
    )
    assert [row[2:] for row in found if row[1] == "formula"] == [(None, "pro"), (1, "free")]


def test_a_rolling_average_is_made_of_the_formula_not_its_parts():
    # 80 / 3 on Monday, nothing on Tuesday, 20 / 1 on Wednesday
    series = {"sums": BUY | {"measure": "sum", "property": "price"}, "counts": BUY}
    found = rows_of(series=series, formula="sums / counts", rolling=3, date_to="2024-01-03")
    assert [row[2] for row in found if row[1] == "formula"] == pytest.approx([80 / 3, 80 / 3, (80 / 3 + 20) / 2])


BREAKDOWNS = {
    "the largest first, the value that is not set among the others": (
        {"interval": "total"}, [(2, "pro"), (1, "free"), (1, "team"), (1, None)]
    ),
    "ties by name, null last, the rest is Other": ({"interval": "total", "top": 2}, [(2, "pro"), (1, "free"), (2, "Other")]),
    "a value is 0 where it has no event": ({"date_to": "2024-01-02", "top": 1}, [(2, "pro"), (1, "Other"), (0, "pro"), (0, "Other")]),
    "the rank is that of the range": ({"date_from": "2024-01-02", "interval": "total", "top": 1}, [(1, "team"), (1, "Other")]),
    "no Other where nothing is left over": ({"where": {"plan": "pro"}, "interval": "total", "top": 1}, [(2, "pro")]),
}  # fmt: skip


@pytest.mark.parametrize("why", BREAKDOWNS)
def test_breakdowns(why):
    question, expected = BREAKDOWNS[why]
    assert [row[2:] for row in rows_of(series={"A": BUY}, breakdown="plan", **question)] == expected


def test_uniques_of_other_are_those_of_its_events_not_a_sum():
    rows = [event("open", "2024-01-01T09:00", user, properties={"p": p}) for user, p in ["1a", "2a", "3a", "1b", "1c"]]
    found = rows_of(rows, series={"A": {"measure": "uniques"}}, breakdown="p", top=1)
    assert [row[2:] for row in found] == [(3, "a"), (1, "Other")]


def test_a_percentile_of_other_is_that_of_its_values():
    # b, c and d hold 1, 2 and 9: the middle one is 2, the mean of their middles would be 4
    rows = [
        event("open", "2024-01-01T09:00", "u1", properties={"p": p, "n": n})
        for p, n in [("a", 10), ("b", 1), ("c", 2), ("d", 9)]
    ]
    found = rows_of(rows, series={"A": {"measure": "p50", "property": "n"}}, breakdown="p", top=1)
    assert [row[2:] for row in found] == [(10, "a"), (2, "Other")]


def test_a_value_that_is_written_other_is_among_the_others():
    rows = [event("open", "2024-01-01T09:00", "u1", properties={"p": p}) for p in ("Other", "Other", "a", "b")]
    assert [row[2:] for row in rows_of(rows, series={"A": {}}, breakdown="p", top=1)] == [(1, "a"), (3, "Other")]


def test_the_first_series_ranks_the_breakdown_of_all():
    found = rows_of(series={"looks": LOOK, "buys": BUY}, breakdown="plan", top=1, interval="total")
    assert [row[1:] for row in found] == [
        ("looks", 1, "free"),
        ("looks", 0, "Other"),
        ("buys", 1, "free"),
        ("buys", 4, "Other"),
    ]


def test_values_without_a_rank_come_last():
    # the average price of free is 40, of pro 20; team never has one
    rows = [event("open", "2024-01-01T09:00", "u1", properties={"plan": "aaa"}), *ROWS]
    found = rows_of(
        rows, series={"A": {"measure": "avg", "property": "price"}}, breakdown="plan", interval="total", top=5
    )
    assert [row[2:] for row in found] == [(40, "free"), (20, "pro"), (20, "team"), (5, None), (None, "aaa")]


def test_a_guest_is_in_the_count_but_not_in_the_events_per_person():
    rows = [event("buy", "2024-01-01T09:00", user) for user in ("u1", "u1", "u1", "u2", None)]
    series = {measure: BUY | {"measure": measure} for measure in ("count", "uniques", "count_per_unit")}
    assert [row[2] for row in rows_of(rows, series=series)] == [5, 2, 2]


def test_a_value_that_only_the_range_before_holds_ranks_after_those_of_now_even_where_they_are_zero():
    rows = [
        event("buy", "2024-01-01T09:00", "u1", properties={"p": "a"}),
        event("look", "2024-01-02T09:00", "u1", properties={"p": "b"}),
    ]
    question = {
        "series": {"A": BUY, "B": LOOK},
        "breakdown": "p",
        "compare": "previous_period",
        "date_from": "2024-01-02",
    }
    assert [row[1:] for row in rows_of(rows, **question)] == [
        ("A", 0, "b", 0),
        ("A", 0, "a", 1),
        ("B", 1, "b", 0),
        ("B", 0, "a", 0),
    ]


def test_a_value_before_the_reach_of_a_rolling_average_is_not_shown():
    # 31 January lies 30 days before March, but two months
    rows = [event("buy", f"2024-{day}T09:00", "u1", properties={"p": day}) for day in ("01-31", "02-15", "03-15")]
    found = rows_of(rows, series={"A": BUY}, breakdown="p", rolling=2, interval="month", date_from="2024-03-01")
    assert [row[2:] for row in found] == [(0.5, "03-15"), (0.5, "02-15")]


def test_breakdown_and_rolling_average_each_value_by_itself():
    found = rows_of(series={"A": BUY}, breakdown="plan", top=1, rolling=2, date_from="2024-01-02", date_to="2024-01-03")
    # only team buys inside the range; pro and free did the day before
    assert [row[2:] for row in found] == [(0, "team"), (1.5, "Other"), (0.5, "team"), (0, "Other")]


def compared(rows=ROWS, **question):
    return [row[2:] for row in rows_of(rows, **{"series": {"A": BUY}, "compare": "previous_period"} | question)]


COMPARISONS = {
    "two days beside the two right before": ({"date_from": "2024-01-03", "date_to": "2024-01-04"}, [(1, 3), (0, 0)]),
    "one day beside the day before": ({"date_from": "2024-01-04", "date_to": "2024-01-04"}, [(0, 1)]),
    "nothing lies before all data": ({}, [(3, 0), (0, 0), (1, 0), (0, 0), (1, 0)]),
    "the last day of the data counts whole": ({"date_from": "2024-01-05"}, [(1, 0)]),
    "an average of nothing is null before as well": (
        {"date_from": "2024-01-02", "date_to": "2024-01-02", "series": {"A": BUY | {"measure": "avg", "property": "price"}}},
        [(None, 80 / 3)],
    ),
    "the formula of the range before": (
        {"date_from": "2024-01-02", "date_to": "2024-01-02", "interval": "total", "series": {"A": BUY, "B": LOOK}, "formula": "B / A"},
        [(0, 3), (1, 0), (None, 0)],
    ),
    "breakdown: values of before only are shown after those of now": (
        {"date_from": "2024-01-02", "date_to": "2024-01-03", "interval": "total", "breakdown": "plan"},
        [(1, "team", 0), (0, "free", 1), (0, "pro", 2)],
    ),
    "rolling averages what lies before in the same way": (
        {"date_from": "2024-01-03", "date_to": "2024-01-04", "rolling": 2}, [(0.5, 1.5), (0.5, 1.5)]
    ),
    "times of day: the two hours before": (
        {"date_from": "2024-01-01T11:00:00", "date_to": "2024-01-01T12:59:59", "interval": "total"}, [(1, 2)]
    ),
    "an instant that both ranges touch belongs to the later one": (
        {"date_from": "2024-01-01T10:00:00", "date_to": "2024-01-01T11:00:00", "interval": "hour"}, [(1, 1), (1, 0)]
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", COMPARISONS)
def test_comparisons(why):
    question, expected = COMPARISONS[why]
    assert compared(**question) == expected


MONTHS = [event("buy", f"2024-{day}T12:00", "u1") for day in ("01-29", "01-30", "02-01", "02-29", "03-01", "03-02")]


def test_the_31_days_before_march_begin_on_30_january():
    # 30 January, 1 and 29 February; not the whole of January, and not February alone
    assert compared(MONTHS, interval="month", date_from="2024-03-01", date_to="2024-03-31") == [(2, 3)]


def test_across_the_end_of_a_leap_february_each_day_stands_beside_the_one_two_days_before():
    assert compared(MONTHS, date_from="2024-03-01", date_to="2024-03-02") == [(1, 0), (1, 1)]


def test_weeks_are_compared_by_days_of_the_same_place():
    # Tuesday 26 February to Sunday 3 March 2024 beside the seven days before
    rows = [event("buy", f"2024-{day}T12:00", "u1") for day in ("02-19", "02-25", "02-26", "03-03")]
    assert compared(rows, interval="week", date_from="2024-02-26", date_to="2024-03-03") == [(2, 2)]


def test_a_week_from_sunday_splits_saturday_from_sunday():
    rows = [event("buy", "2024-01-06T12:00", "u1"), event("buy", "2024-01-07T12:00", "u1")]
    series = {"A": BUY}
    assert rows_of(rows, series=series, interval="week") == [("2024-01-01", "A", 2)]
    assert rows_of(rows, series=series, interval="week", week_start="sunday") == [
        ("2023-12-31", "A", 1),
        ("2024-01-07", "A", 1),
    ]


def test_zone_and_week_start_together():
    # Saturday 22:30 UTC is Sunday in Berlin, which begins a week there
    rows = [event("buy", "2024-06-01T12:00", "u1"), event("buy", "2024-06-01T22:30", "u1")]
    found = rows_of(rows, series={"A": BUY}, interval="week", week_start="sunday", timezone="Europe/Berlin")
    assert found == [("2024-05-26", "A", 1), ("2024-06-02", "A", 1)]


def test_a_day_of_23_hours_has_23_rows_and_no_second_hour():
    found = rows_of(
        [event("buy", "2024-03-31T12:00", "u1")],
        series={"A": BUY},
        interval="hour",
        timezone="Europe/Berlin",
        date_from="2024-03-31",
        date_to="2024-03-31",
    )
    assert (len(found), sum(row[2] for row in found)) == (23, 1)
    assert "2024-03-31T02:00:00" not in [row[0] for row in found]


def test_a_day_of_25_hours_tells_its_two_second_hours_apart():
    rows = [
        event("buy", "2024-10-27T00:30", "u1"),
        event("buy", "2024-10-27T01:30", "u1"),
        event("buy", "2024-10-27T01:40", "u2"),
    ]
    found = rows_of(
        rows, series={"A": BUY}, interval="hour", timezone="Europe/Berlin", date_from="2024-10-27", date_to="2024-10-27"
    )
    assert len(found) == 25
    assert [row for row in found if row[2]] == [
        ("2024-10-27T02:00:00+02:00", "A", 1),
        ("2024-10-27T02:00:00+01:00", "A", 2),
    ]
    assert rows_of(rows, series={"A": BUY}, timezone="Europe/Berlin") == [("2024-10-27", "A", 3)]


def test_by_the_hour_the_same_clock_hours_are_compared_across_a_change_of_the_clocks():
    # noon on both days, though 23 hours lie between
    rows = [event("buy", "2024-03-30T11:00", "u1"), event("buy", "2024-03-31T10:00", "u1")]
    found = rows_of(
        rows,
        series={"A": BUY},
        interval="hour",
        timezone="Europe/Berlin",
        date_from="2024-03-31",
        date_to="2024-03-31",
        compare="previous_period",
    )
    assert [row for row in found if row[2] or row[3]] == [("2024-03-31T12:00:00", "A", 1, 1)]


def test_columns_come_in_their_order_and_only_where_they_are_asked_for():
    connection = database(ROWS)
    question = {"kind": "trends", "series": {"A": BUY}}
    assert ask(connection, question).columns == ["period_start", "series", "value", "is_complete"]
    everything = question | {"breakdown": "plan", "compare": "previous_period"}
    assert ask(connection, everything).columns == [
        "period_start",
        "series",
        "value",
        "breakdown",
        "previous",
        "is_complete",
    ]


def test_shuffled_rows_give_the_same_answer_to_the_last_digit():
    rows = [
        event("buy", f"2024-01-0{1 + n % 3}T{n % 24:02}:00", f"u{n % 7}", properties={"price": n / 7, "plan": f"p{n % 5}"})
        for n in range(600)
    ]  # fmt: skip
    series = {measure: BUY | {"measure": measure, "property": "price"} for measure in ("sum", "avg", "p90")}
    question = {
        "series": series | {"u": BUY | {"measure": "uniques"}},
        "formula": "sum / u",
        "breakdown": "plan",
        "top": 2,
        "rolling": 2,
    }
    first = rows_of(rows, **question)
    for seed in range(5):
        shuffled = rows[:]
        random.Random(seed).shuffle(shuffled)
        assert rows_of(shuffled, **question) == first


def test_no_event_gives_no_rows_but_columns():
    empty = ask(database([]), {"kind": "trends", "series": {"A": BUY}})
    assert (empty.rows, empty.columns) == ([], ["period_start", "series", "value", "is_complete"])


WRONG = [
    ({"series": {}}, "`series` is {}"),
    ({}, "`series` is missing"),
    ({"series": {"A": {"event": "x"}}}, "Unknown key `event` in `series.A`; did you mean `event_name`? Legal keys: event_name, where, measure, property."),
    ({"series": {"A": {"measure": "median"}}}, "`series.A.measure` is \"median\"; did you mean `min`? Legal values: count, uniques, sum,"),
    ({"series": {"A": {"measure": "sum"}}}, "`sum` needs the `property` that it measures"),
    ({"series": {"A": {"measure": "uniques", "property": "price"}}}, "`uniques` measures events and takes no `property`"),
    ({"series": {"A": {"measure": "avg", "property": "occurred_at"}}}, "`occurred_at` is a time"),
    ({"series": {"A": {}}, "formula": "A +"}, "`formula` is 'A +': at its end a value is missing"),
    ({"series": {"A": {}}, "formula": "A B"}, "before `B` in column 3 an operator is missing"),
    ({"series": {"A": {}}, "formula": "(A"}, "a closing parenthesis is missing"),
    ({"series": {"A": {}}, "formula": ""}, "a value is missing"),
    ({"series": {"A": {}}, "formula": "A / C"}, "`C` names no series; the series are A"),
    ({"series": {"A": {}}, "formula": "A; drop table events"}, "`;` in column 2 is neither a number, a name nor one of"),
    ({"series": {"A": {}}, "formula": "A ** 2"}, "before `*` in column 4 a value is missing"),
    ({"series": {"A": {}}, "formula": "(" * 60 + "A" + ")" * 60}, "nested more than 50 deep"),
    ({"series": {"A": {}, "formula": {}}, "formula": "A"}, "A series is called `formula`"),
    ({"series": {"A": {}}, "top": 3}, "name a `breakdown` too"),
    ({"series": {"A": {}}, "rolling": 3, "interval": "total"}, "`total` has only one"),
    ({"series": {"A": {}}, "rolling": 0}, "`rolling` is 0"),
    ({"series": {"A": {}}, "compare": "previous_year"}, "did you mean `previous_period`?"),
    ({"series": {"A": {}}, "interval": "quarter"}, "Legal values: hour, day, week, month, total."),
]  # fmt: skip


@pytest.mark.parametrize(("question", "message"), WRONG)
def test_a_wrong_question_says_what_is_wrong(question, message):
    with pytest.raises(AskError) as error:
        ask(database(ROWS), {"kind": "trends"} | question)
    assert message in str(error.value)


def test_a_formula_becomes_sql_of_numbers_and_given_expressions_only():
    assert formula_sql("a/(b+2)", {"a": "x[1]", "b": "x[2]"}) == "(x[1] / nullif((x[2] + 2.0::double), 0))"


def test_a_long_flat_formula_is_legal():
    assert rows_of(series={"A": BUY}, formula="+".join(["A"] * 400), interval="total")[1][2] == 2000


@pytest.mark.parametrize(
    ("question", "is_legal"),
    [
        (
            {
                "series": {"A": {"event_name": "buy", "measure": "p95", "property": "price"}, "B": {}},
                "formula": "A / B",
            },
            True,
        ),
        ({"series": {"A": {}}, "interval": "total", "compare": "previous_period", "breakdown": "plan", "top": 3}, True),
        ({"series": {"A": {"measure": "mode"}}}, False),
        ({"series": {}}, False),
        ({"series": {"A": {}}, "rolling": 0}, False),
        ({"series": {"A": {}}, "smooth": 7}, False),
    ],
)
def test_the_schema_tells_legal_questions_from_wrong_ones(question, is_legal):
    validator = jsonschema.Draft202012Validator(question_schema())
    assert validator.is_valid({"kind": "trends"} | question) == is_legal


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_the_command_writes_trends_in_every_form(output, monkeypatch):
    application = typer.Typer()
    application.command()(ask_command)
    monkeypatch.setattr("serving.reader.connect", lambda home: database(ROWS))
    question = {"kind": "trends", "series": {"bought": BUY}, "interval": "total", "breakdown": "plan", "top": 1}
    result = CliRunner().invoke(application, [json.dumps(question), "--output", output])
    assert result.exit_code == 0
    expected = {
        "csv": "period_start,series,value,breakdown,is_complete\n2024-01-01,bought,2,pro,false\n2024-01-01,bought,3,Other,false\n",
        "json": '"rows": [["2024-01-01", "bought", 2, "pro", false], ["2024-01-01", "bought", 3, "Other", false]]',
        "table": "│ 1 Jan 2024   │ bought │     3 │ Other     │ no       │",
    }
    assert expected[output] in result.stdout


RETAIL = REAL_DATA / "online_retail" / "online_retail.csv.gz"


@pytest.mark.skipif(not RETAIL.is_file(), reason="the real data sets (../shared/data) are not here")
def test_online_retail_by_month_and_country_as_pandas_counts_it():
    lines = pd.read_csv(RETAIL, dtype=str)
    lines["quantity"], lines["price"] = lines["Quantity"].astype(int), lines["UnitPrice"].astype(float)
    lines["at"] = pd.to_datetime(lines["InvoiceDate"])
    connection = database([])
    connection.execute(
        """
        create temp table bought as
        select none.* replace (
            'purchase' as event_name, file.at as occurred_at, file.customer as person_id, true as is_activity,
            json_object('country', file.land, 'price', file.price) as properties
        )
        from (
            select InvoiceDate::timestamp as at, CustomerID as customer, Country as land, UnitPrice as price
            from read_csv($path, all_varchar = true)
            where Quantity::integer >= 0
        ) as file
        left join events as none on false
        """,
        {"path": str(RETAIL)},
    )
    connection.execute("create or replace temp view events as select * from bought")
    measures = {"count": None, "uniques": None, "avg": "price", "p90": "price", "max": "price"}
    series = {name: {"event_name": "purchase", "measure": name, "property": price} for name, price in measures.items()}
    question = {"kind": "trends", "series": series, "interval": "month", "breakdown": "country", "top": 3}
    answer = ask(
        connection, question | {"compare": "previous_period", "date_from": "2011-03-01", "date_to": "2011-04-30"}
    )

    bought = lines[lines["quantity"] >= 0]
    now = bought[(bought["at"] >= "2011-03-01") & (bought["at"] < "2011-05-01")]
    moved = bought.assign(at=bought["at"] + pd.Timedelta(days=61))
    before = moved[(moved["at"] >= "2011-03-01") & (moved["at"] < "2011-05-01")]
    largest = list(now["Country"].value_counts().index[:3])
    expected = {}
    for place, part in enumerate((now, before)):
        named = part.assign(
            group=part["Country"].where(part["Country"].isin(largest), "Other"),
            month=part["at"].dt.strftime("%Y-%m-01"),
        )
        groups = named.groupby(["month", "group"])
        tables = {
            "count": groups.size(), "uniques": groups["CustomerID"].nunique(), "avg": groups["price"].mean(),
            "p90": groups["price"].quantile(0.9), "max": groups["price"].max(),
        }  # fmt: skip
        for name, table in tables.items():
            for (month, group), value in table.items():
                expected.setdefault((month, name, group), [None, None])[place] = value
    found = {(month, name, group): [value, previous] for month, name, value, group, previous, _ in answer.rows}
    assert len(found) == 2 * 5 * 4
    assert found.keys() == expected.keys()
    for key, pair in found.items():
        assert pair == pytest.approx(expected[key]), key
