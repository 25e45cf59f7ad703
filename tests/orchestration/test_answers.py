"""Answers as people read them; what programs read stays exact."""

from __future__ import annotations

from typing import Any

from orchestration.cli.answers import as_read
from serving.ask import Answer


def read(question: dict[str, Any], columns: list[str], rows: list[list[Any]], width: int = 100) -> list[list[str]]:
    """The heading and the rows of an answer's table, then its notes."""
    table = as_read(Answer({"timezone": "UTC"} | question, None, columns, rows), "EUR", width)
    return [[heading for heading, _ in table.columns], *table.rows, table.notes]


RETENTION = ["cohort_start", "period", "users", "rate", "is_complete"]
CELLS = [
    ["2025-01-01", 0, 1200, 1.0, True],
    ["2025-01-01", 1, 300, 0.25, True],
    ["2025-01-01", 2, 4, 1 / 300, False],
    ["2025-02-01", 0, 10, 1.0, True],
    ["2025-02-01", 1, 0, 0.0, False],
    ["2025-03-01", 0, 5, 1.0, False],
]


def test_retention_is_a_triangle_in_which_what_can_still_grow_has_a_star():
    assert read({"kind": "retention", "period": "month"}, RETENTION, CELLS) == [
        ["Cohort", "Size", "0", "1", "2"],
        ["Jan 2025", "1,200", "100 %", "25 %", "0.3 %*"],
        ["Feb 2025", "10", "100 %", "0 %*", ""],
        ["Mar 2025", "5", "100 %*", "", ""],
        ["* can still grow"],
    ]


def test_a_triangle_wider_than_the_terminal_says_what_it_leaves_out():
    rows = [["2025-01-01", age, 10, 1.0, True] for age in range(40)]
    heading, *_, notes = read({"kind": "retention", "period": "day"}, RETENTION, rows)
    assert heading == ["Cohort", "Size", *map(str, range(8))]
    assert notes == ["32 later periods are not shown; --output csv has them."]


def test_a_triangle_for_each_value_of_a_breakdown():
    rows = [["DE", *CELLS[0]], ["DE", *CELLS[1]], [None, *CELLS[3]]]
    question = {"kind": "retention", "period": "month", "breakdown": "context.country"}
    assert read(question, ["breakdown", *RETENTION], rows) == [
        ["", "Cohort", "Size", "0", "1"],
        ["DE", "Jan 2025", "1,200", "100 %", "25 %"],
        ["–", "Feb 2025", "10", "100 %", ""],
        [],
    ]


def test_shares_durations_and_numbers_are_written_out():
    columns = ["step", "step_name", "users", "conversion_rate", "conversion_rate_from_previous"]
    columns += ["median_seconds_from_previous"]
    rows = [[1, "sign_up", 12345, 1.0, None, None], [2, "buy", 617, 617 / 12345, 617 / 12345, 93784.2]]
    heading, first, second, _ = read({"kind": "funnel", "steps": []}, columns, rows)
    assert heading[-2:] == ["Rate from the step before", "Half of them within"]
    assert first == ["1", "sign_up", "12,345", "100 %", "", ""]
    assert second == ["2", "buy", "617", "5 %", "5 %", "1 d 2 h"]


def test_only_what_is_credited_has_the_reporting_currency():
    rows = [["linear", "Email", 1.5, 123456789]]
    question = {"kind": "attribution", "value": "amount_cents"}
    assert read(question, ["model", "breakdown", "conversions", "amount"], rows)[1] == [
        "linear", "Email", "1.50", "€1,234,567.89",
    ]  # fmt: skip
    summed = {"kind": "trends", "series": {"A": {"measure": "sum", "property": "amount_cents"}}, "interval": "month"}
    assert read(summed, ["period_start", "series", "value"], [["2025-01-01", "A", 123456.0]])[1] == [
        "Jan 2025", "A", "123,456",
    ]  # fmt: skip


def test_each_number_of_a_web_overview_has_its_own_unit():
    rows = [["visitors", 1500.0, 9.0], ["avg_session_seconds", 343.2, None], ["bounce_rate", 0.108, 0.2]]
    _, *shown, _ = read({"kind": "web_overview"}, ["metric", "value", "previous"], rows)
    assert shown == [
        ["visitors", "1,500", "9"],
        ["avg_session_seconds", "5 min 43 s", ""],
        ["bounce_rate", "10.8 %", "20 %"],
    ]


def test_an_hour_that_the_clocks_repeat_says_which_it_is():
    hours = ["2025-10-26T01:00:00", "2025-10-26T02:00:00+02:00", "2025-10-26T02:00:00+01:00"]
    question = {"kind": "trends", "interval": "hour", "series": {"A": {"measure": "count"}}}
    _, *rows, _ = read(question, ["period_start", "A"], [[hour, 1] for hour in hours])
    assert [row[0] for row in rows] == ["26 Oct 2025 01:00", *hours[1:]]
