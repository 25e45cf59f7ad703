"""Every row of a period says whether the period is over by the data's clock and whole in the range."""

import pytest

from serving.ask import ask
from tests.serving.ask.data import database, event

# of Wednesday the 3rd the data has a part; the app `blog` fell silent a day before
ROWS = [
    event("open", "2024-01-01T09:00:00", "u1", app="shop"),
    event("open", "2024-01-01T10:00:00", "u2", app="blog"),
    event("open", "2024-01-02T12:00:00", "u1", app="blog"),
    event("open", "2024-01-03T18:30:00", "u2", app="shop"),
]
OPEN = {"event_name": "open"}
BY_PERIOD = [
    ({"kind": "active_users"}, "interval"),
    ({"kind": "active_users", "window_days": 10, "breakdown": "app"}, "interval"),
    ({"kind": "lifecycle"}, "period"),
    ({"kind": "conversions", "event": OPEN}, "interval"),
    ({"kind": "trends", "series": {"A": OPEN}}, "interval"),
    ({"kind": "trends", "series": {"A": OPEN}, "breakdown": "app", "rolling": 2}, "interval"),
    ({"kind": "trends", "series": {"A": OPEN}, "compare": "previous_period"}, "interval"),
    ({"kind": "sessions"}, "summary"),
    ({"kind": "funnel", "steps": [OPEN, OPEN], "conversion_window_seconds": 1}, "trend"),
]
WHOLE = ("active_users", "lifecycle")


def complete(question: dict[str, object], **more: object) -> dict[str, bool]:
    """`is_complete` by the start of the period, which is the same in all rows of one."""
    answer = ask(database(ROWS), question | more)
    start = answer.columns.index("period_start")
    told = {(row[start], row[answer.columns.index("is_complete")]) for row in answer.rows}
    assert len(told) == len({period for period, _ in told}) > 0
    return dict(told)


@pytest.mark.parametrize(("question", "period"), BY_PERIOD)
def test_a_period_is_complete_when_the_clock_of_the_data_has_passed_it(question, period):
    days = complete(question, **{period: "day"})
    # the window of a funnel has to close as well
    has_window = question["kind"] == "funnel"
    assert days == {"2024-01-01": True, "2024-01-02": True, "2024-01-03": False}
    assert complete(question, **{period: "month"}) == {"2024-01-01": False}
    assert complete(question, **{period: "day"}, date_to="2024-01-02") == {
        "2024-01-01": True,
        "2024-01-02": not has_window,
    }
    if period != "summary":
        hours = complete(question, **{period: "hour"})
        assert hours["2024-01-03T17:00:00"] and not hours["2024-01-03T18:00:00"]


@pytest.mark.parametrize(("question", "period"), BY_PERIOD)
def test_a_period_that_the_range_cuts_is_not_complete(question, period):
    long = [*ROWS, event("open", "2024-02-20T00:00:00", "u9", app="shop")]
    asked = question | {period: "week", "date_from": "2024-01-02", "date_to": "2024-01-17"}
    answer = ask(database(long), asked)
    told = dict({(row[answer.columns.index("period_start")], row[-1]) for row in answer.rows})
    is_whole = question["kind"] in WHOLE and "window_days" not in question
    assert told["2024-01-08"] and not told["2024-01-15"]
    assert told["2024-01-01"] == (is_whole or question["kind"] == "active_users")


@pytest.mark.parametrize(("question", "period"), BY_PERIOD)
def test_an_app_has_its_own_clock(question, period):
    assert complete(question, **{period: "day"}, app="blog", date_to="2024-01-03") == {
        "2024-01-01": True,
        "2024-01-02": False,
        "2024-01-03": False,
    }
    assert ask(database(ROWS), question | {"app": "blog"}).as_of == "2024-01-02T12:00:00"


@pytest.mark.parametrize(
    ("question", "period"), [pair for pair in BY_PERIOD if pair[0]["kind"] in ("active_users", "trends")]
)
def test_a_total_is_complete_when_its_range_is_over(question, period):
    total = {key: value for key, value in question.items() if key != "rolling"} | {period: "total"}
    assert complete(total, date_to="2024-01-02") == {complete(total, date_to="2024-01-02").popitem()[0]: True}
    for until in ({}, {"date_to": "2024-01-03"}, {"date_to": "2024-01-03T18:31:00"}):
        assert not any(complete(total, **until).values())
    assert all(complete(total, date_to="2024-01-03T18:30:00").values())


def test_days_are_those_of_the_zone():
    by_zone = {zone: complete({"kind": "lifecycle", "timezone": zone}) for zone in ("UTC", "Asia/Tokyo")}
    assert by_zone["Asia/Tokyo"] == {"2024-01-01": True, "2024-01-02": True, "2024-01-03": True, "2024-01-04": False}
