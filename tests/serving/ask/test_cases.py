"""Small cases that a person can check by hand; each says why its answer is right."""

# ruff: noqa: E501 - one row, one line

import pytest

from tests.serving.ask.data import ask, database, event, without_completeness

# three people in one week: u1 on Monday, Tuesday and Friday; u2 on Monday; u3 on Friday. 2024-01-01 is a Monday
WEEK = [
    event("open", "2024-01-01T09:00:00", "u1", properties={"plan": "pro", "price": 10}),
    event("open", "2024-01-01T10:00:00", "u2", properties={"plan": "free", "price": "9.5"}),
    event("open", "2024-01-02T09:00:00", "u1", properties={"plan": "pro"}),
    event("buy", "2024-01-02T09:05:00", "u1", properties={"price": 100, "note": "Gift Card"}),
    event("open", "2024-01-05T09:00:00", "u1", properties={"plan": None}),
    event("open", "2024-01-05T23:59:59", "u3", country="DE", app="shop", account_id="acme"),
]


def answer(rows, **question):
    return [tuple(row) for row in without_completeness(ask(database(rows), question))]


def users_by_day(rows=WEEK, **question):
    return [users for _, users in answer(rows, kind="active_users", **question)]


ACTIVE_USERS = {
    "a day without events is zero, not absent": ({}, [2, 1, 0, 0, 2]),
    "a window of 3 days holds the day and the two before it": ({"window_days": 3}, [2, 2, 2, 1, 2]),
    "a window longer than the data counts everybody so far": ({"window_days": 400}, [2, 2, 2, 2, 3]),
    "a window reaches back before date_from": ({"window_days": 7, "date_from": "2024-01-05"}, [3]),
    "date_from and date_to are both inside": ({"date_from": "2024-01-02", "date_to": "2024-01-05"}, [1, 0, 0, 2]),
    "date_to holds its last second": ({"date_from": "2024-01-05", "date_to": "2024-01-05"}, [2]),
    "a local time as date_to is inside to the second": (
        {"date_from": "2024-01-05", "date_to": "2024-01-05T23:59:59"}, [2]
    ),
    "a local time just before leaves the event out": (
        {"date_from": "2024-01-05", "date_to": "2024-01-05T23:59:58"}, [1]
    ),
    "a range after the data is zero as far as it is asked": (
        {"date_from": "2024-01-05", "date_to": "2024-01-07"}, [2, 0, 0]
    ),
    "an event selector counts only its events": ({"event": {"event_name": "buy"}}, [0, 1, 0, 0, 0]),
    "any event is a null event name": ({"event": {"event_name": None}}, [2, 1, 0, 0, 2]),
    "app restricts everything, also the range": ({"app": "shop"}, [1]),
    "the unit account drops events without one": ({"unit": "account"}, [0, 0, 0, 0, 1]),
    "a property can be the unit": ({"unit": "properties.plan"}, [2, 1, 0, 0, 0]),
    "where equals": ({"where": {"plan": "pro"}}, [1, 1, 0, 0, 0]),
    "where one of": ({"where": {"plan": ["pro", "free"]}}, [2, 1, 0, 0, 0]),
    "text that is a number compares as a number": ({"where": {"price": {"lt": 10}}}, [1, 0, 0, 0, 0]),
    "100 is more than 9.5 as a number, less as text": ({"where": {"price": {"gt": "9.5"}}}, [1, 1, 0, 0, 0]),
    "both bounds of a condition hold": ({"where": {"price": {"gte": 9.5, "lt": 100}}}, [2, 0, 0, 0, 0]),
    "lte holds its bound": ({"where": {"price": {"lte": 10}}}, [2, 0, 0, 0, 0]),
    "a number equals text that is that number": ({"where": {"price": 9.5}}, [1, 0, 0, 0, 0]),
    "ne holds where the property is not set": ({"where": {"plan": {"ne": "pro"}}}, [1, 1, 0, 0, 2]),
    "not_in holds where the property is not set": ({"where": {"plan": {"not_in": ["pro", "free"]}}}, [0, 1, 0, 0, 2]),
    "contains does not mind the case": ({"where": {"note": {"contains": "gift"}}}, [0, 1, 0, 0, 0]),
    "not_contains holds where the property is not set": ({"where": {"note": {"not_contains": "gift"}}}, [2, 1, 0, 0, 2]),
    "regex finds anywhere in the value": ({"where": {"note": {"regex": "C.rd$"}}}, [0, 1, 0, 0, 0]),
    "a JSON null is not set": ({"where": {"plan": {"is_set": False}}}, [0, 1, 0, 0, 2]),
    "a condition null asks for what is not set": ({"where": {"plan": None}}, [0, 1, 0, 0, 2]),
    "is_set": ({"where": {"plan": {"is_set": True}}}, [2, 1, 0, 0, 0]),
    "an empty list is one of nothing": ({"where": {"plan": []}}, [0, 0, 0, 0, 0]),
    "context fields are legal keys": ({"where": {"context.country": "DE"}}, [0, 0, 0, 0, 1]),
    "envelope fields are legal keys": ({"where": {"user_id": {"in": ["u2"]}}}, [1, 0, 0, 0, 0]),
    "time compares as local time": ({"where": {"occurred_at": {"gte": "2024-01-05"}}}, [0, 0, 0, 0, 2]),
    "conditions of the question and of the selector both hold": (
        {"where": {"plan": "pro"}, "event": {"event_name": "open", "where": {"price": 10}}}, [1, 0, 0, 0, 0]
    ),
    "a quote in a key or a value is only a character": ({"where": {"o'k\"ey": "' or 1=1 --"}}, [0, 0, 0, 0, 0]),
    "the total is the value on date_to": ({"interval": "total", "window_days": 2, "date_to": "2024-01-02"}, [2]),
    "a week of 7 days is the calendar week": ({"interval": "week"}, [3]),
    "a week from Sunday may hold the same days": ({"interval": "week", "week_start": "sunday"}, [3]),
    "a month of 30 days is the calendar month": ({"interval": "month"}, [3]),
    "a week with another window ends with its last day in the range": ({"interval": "week", "window_days": 1}, [2]),
}  # fmt: skip


@pytest.mark.parametrize("why", ACTIVE_USERS)
def test_active_users(why):
    question, expected = ACTIVE_USERS[why]
    assert users_by_day(**question) == expected


@pytest.mark.parametrize(
    ("why", "at", "zone", "day"),
    [
        ("Berlin is an hour ahead in winter", "2024-01-01T23:30:00", "Europe/Berlin", "2024-01-02"),
        ("and two in summer", "2024-06-30T22:00:00", "Europe/Berlin", "2024-07-01"),
        ("New York is behind", "2024-01-01T04:59:59", "America/New_York", "2023-12-31"),
        ("Kathmandu's day begins at 18:15 UTC", "2024-01-01T18:15:00", "Asia/Kathmandu", "2024-01-02"),
        ("and not a second before", "2024-01-01T18:14:59", "Asia/Kathmandu", "2024-01-01"),
        (
            "Lord Howe moves by half an hour: 11:00 in January",
            "2024-01-01T13:00:00",
            "Australia/Lord_Howe",
            "2024-01-02",
        ),
        ("10:30 in July", "2024-07-01T13:29:59", "Australia/Lord_Howe", "2024-07-01"),
        ("a zone's name may be written in any case", "2024-01-01T23:30:00", "europe/berlin", "2024-01-02"),
    ],
)
def test_the_day_is_the_local_one(why, at, zone, day):
    assert answer([event("open", at, "u1")], kind="active_users", timezone=zone) == [(day, 1)], why


def hours(day, zone):
    moments = [event("open", f"{day}T12:00:00", "u1")]
    return [
        label
        for label, _ in answer(moments, kind="active_users", interval="hour", timezone=zone, date_from=day, date_to=day)
    ]


def test_a_spring_day_has_23_hours_and_the_skipped_one_does_not_exist():
    found = hours("2024-03-31", "Europe/Berlin")
    assert len(found) == 23
    assert "2024-03-31T02:00:00" not in found


def test_an_autumn_day_has_25_hours_and_the_repeated_ones_carry_their_offset_in_order_of_time():
    found = hours("2024-10-27", "Europe/Berlin")
    assert len(found) == 25
    assert found[2:4] == ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"]


def test_lord_howe_repeats_half_an_hour():
    found = hours("2024-04-07", "Australia/Lord_Howe")
    assert len(found) == 25
    assert found[1:3] == ["2024-04-07T01:00:00+11:00", "2024-04-07T01:00:00+10:30"]


def test_a_window_of_one_day_by_hour_is_24_hours_long_also_on_a_day_of_23():
    rows = [event("open", "2024-03-30T12:30:00", "u1"), event("open", "2024-03-31T23:00:00", "u2")]
    counts = dict(answer(rows, kind="active_users", interval="hour", timezone="Europe/Berlin"))
    # 12:30 UTC is 13:30 in Berlin; 24 hours later the clock shows 14:00, for it skipped one
    assert (counts["2024-03-31T13:00:00"], counts["2024-03-31T14:00:00"]) == (1, 0)


def test_midnight_on_a_day_of_25_hours_falls_where_the_clock_says():
    rows = [event("open", "2024-10-26T22:00:00", "u1"), event("open", "2024-10-27T22:59:59", "u2")]
    assert answer(rows, kind="active_users", timezone="Europe/Berlin") == [("2024-10-27", 2)]


def test_breakdown_counts_a_person_under_each_value_and_null_last():
    rows = answer(WEEK, kind="active_users", breakdown="plan", date_to="2024-01-02")
    assert rows == [
        ("free", "2024-01-01", 1), ("free", "2024-01-02", 0), ("pro", "2024-01-01", 1), ("pro", "2024-01-02", 1),
        (None, "2024-01-01", 0), (None, "2024-01-02", 1),
    ]  # fmt: skip


def test_events_that_are_no_activity_do_not_count_unless_they_are_asked_for():
    rows = [event("open", "2024-01-01T09:00:00", "u1"), event("mail", "2024-01-01T09:00:00", "u2", is_activity=False)]
    assert users_by_day(rows) == [1]
    assert users_by_day(rows, event={"event_name": "mail"}) == [1]
    assert users_by_day(rows, event={}) == [2]


def test_an_event_of_nobody_counts_for_nobody():
    assert users_by_day([event("open", "2024-01-01T09:00:00")]) == [0]


def test_as_of_is_the_last_activity():
    rows = [event("open", "2024-01-01T09:00:00", "u1"), event("mail", "2024-01-09T09:00:00", "u1", is_activity=False)]
    assert ask(database(rows), {"kind": "active_users"}).as_of == "2024-01-01T09:00:00"


def test_no_event_at_all_gives_no_rows_and_no_clock():
    empty = ask(database([]), {"kind": "lifecycle"})
    assert (empty.rows, empty.as_of, empty.columns) == ([], None, ["period_start", "status", "users", "is_complete"])


def lifecycle(rows=WEEK, **question):
    found = answer(rows, kind="lifecycle", **question)
    return {start: tuple(users for day, _, users in found if day == start) for start, *_ in found}


LIFECYCLE = {
    # new, returning, resurrected, dormant
    "by day": (
        {},
        {
            "2024-01-01": (2, 0, 0, 0),  # u1 and u2 for the first time
            "2024-01-02": (0, 1, 0, 1),  # u1 again, u2 silent
            "2024-01-03": (0, 0, 0, 1),  # u1 silent, u2 was already
            "2024-01-04": (0, 0, 0, 0),
            "2024-01-05": (1, 0, 1, 0),  # u3 new, u1 back
        },
    ),
    "new means in all history, also before date_from": ({"date_from": "2024-01-05"}, {"2024-01-05": (1, 0, 1, 0)}),
    "dormant looks before date_from too": (
        {"date_from": "2024-01-02", "date_to": "2024-01-02"}, {"2024-01-02": (0, 1, 0, 1)}
    ),
    "the silent period after the last activity is shown when asked for": (
        {"date_from": "2024-01-06", "date_to": "2024-01-07"}, {"2024-01-06": (0, 0, 0, 2), "2024-01-07": (0, 0, 0, 0)}
    ),
    "several days of one week are one activity": ({"period": "week"}, {"2024-01-01": (3, 0, 0, 0)}),
    "the first week is the whole one that holds date_from": (
        {"period": "week", "date_from": "2024-01-04"}, {"2024-01-01": (3, 0, 0, 0)}
    ),
    "with an event, new is the first such event": (
        {"event": {"event_name": "buy"}, "date_from": "2024-01-02", "date_to": "2024-01-03"},
        {"2024-01-02": (1, 0, 0, 0), "2024-01-03": (0, 0, 0, 1)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", LIFECYCLE)
def test_lifecycle(why):
    question, expected = LIFECYCLE[why]
    assert lifecycle(**question) == expected


def test_a_week_that_starts_on_sunday_splits_saturday_from_sunday():
    rows = [event("open", "2024-01-06T12:00:00", "u1"), event("open", "2024-01-07T12:00:00", "u1")]
    assert lifecycle(rows, period="week") == {"2024-01-01": (1, 0, 0, 0)}
    assert lifecycle(rows, period="week", week_start="sunday") == {
        "2023-12-31": (1, 0, 0, 0),
        "2024-01-07": (0, 1, 0, 0),
    }


def test_months_of_any_length_are_neighbours():
    rows = [event("open", f"2024-{month}T12:00:00", "u1") for month in ("01-31", "02-01", "03-31", "05-01")]
    assert lifecycle(rows, period="month") == {
        "2024-01-01": (1, 0, 0, 0), "2024-02-01": (0, 1, 0, 0), "2024-03-01": (0, 1, 0, 0), "2024-04-01": (0, 0, 0, 1),
        "2024-05-01": (0, 0, 1, 0),
    }  # fmt: skip


def test_hours_around_the_skipped_hour_are_neighbours():
    rows = [event("open", "2024-03-31T00:30:00", "u1"), event("open", "2024-03-31T01:30:00", "u1")]
    assert lifecycle(rows, period="hour", timezone="Europe/Berlin") == {
        "2024-03-31T01:00:00": (1, 0, 0, 0), "2024-03-31T03:00:00": (0, 1, 0, 0),
    }  # fmt: skip


STICKINESS = {
    "u1 was active on 3 days, u2 and u3 on one": ({}, [2, 0, 1, 0, 0]),
    "cumulative: on at least so many": ({"computed_as": "cumulative"}, [3, 1, 1, 0, 0]),
    "two events make a day active": ({"criteria": ["gte", 2]}, [1, 0, 0, 0, 0]),
    "at most one event, and one at least": ({"criteria": ["lte", 1]}, [2, 1, 0, 0, 0]),
    "exactly two events": ({"criteria": ["exact", 2]}, [1, 0, 0, 0, 0]),
    "pairs of days count from the first: 1-2, 3-4, 5": ({"period_length": 2}, [2, 1, 0]),
    "pairs of days count from date_from: 2-3, 4-5": ({"period_length": 2, "date_from": "2024-01-02"}, [1, 1]),
    "only the events of the selector": ({"event": {"event_name": "buy"}}, [1, 0, 0, 0, 0]),
    "a week is one period": ({"period": "week"}, [3]),
    "events before date_from do not count": ({"date_from": "2024-01-05"}, [2]),
}


@pytest.mark.parametrize("why", STICKINESS)
def test_stickiness(why):
    question, expected = STICKINESS[why]
    found = answer(WEEK, kind="stickiness", **question)
    assert found == list(enumerate(expected, start=1))


VISIT = [
    event("page", "2024-01-01T23:50:00", None, anonymous_id="d1", page_url="/home"),
    event("click", "2024-01-02T00:20:00", "u1", anonymous_id="d1"),  # exactly 30 minutes later
    event("page", "2024-01-02T00:25:00", "u1", anonymous_id="d1", page_url="/buy"),
    event("page", "2024-01-02T00:55:01", "u1", anonymous_id="d1", page_url="/again"),  # a second more than 30 minutes
    event("page", "2024-01-02T00:55:01", "u1", page_url="/phone"),  # the same person, another stream
]
FIRST = ("u1", "d1", "2024-01-01T23:50:00", "2024-01-02T00:25:00", 2100.0, 3, 2, False, "/home", "/buy")
SECOND = ("u1", "d1", "2024-01-02T00:55:01", "2024-01-02T00:55:01", 0.0, 1, 1, True, "/again", "/again")
OTHER = ("u1", None, "2024-01-02T00:55:01", "2024-01-02T00:55:01", 0.0, 1, 1, True, "/phone", "/phone")
SESSIONS = {
    "30:00 does not split, 30:01 does, midnight does not; streams are apart": ({}, {FIRST, SECOND, OTHER}),
    "a session belongs to the day of its start, whole": ({"date_to": "2024-01-01"}, {FIRST}),
    "a session that began before the range is not in it": ({"date_from": "2024-01-02"}, {SECOND, OTHER}),
    "a shorter timeout splits more": ({"inactivity_seconds": 1799}, 4),
    "a longer timeout joins": ({"inactivity_seconds": 1801}, 2),
    "a maximum length cuts": ({"max_length_seconds": 1800}, 4),
    "only the selected events make sessions": ({"events": [{"event_name": "click"}]}, 1),
    "one of several selectors is enough": ({"events": [{"event_name": "click"}, {"event_name": "page"}]}, 3),
    "in Kathmandu they all start on 2 January": (
        {"timezone": "Asia/Kathmandu", "date_from": "2024-01-02", "date_to": "2024-01-02"}, {FIRST, SECOND, OTHER}
    ),
    "summary by day": ({"summary": "day"}, {("2024-01-01", 1, 2100.0, 0.0), ("2024-01-02", 2, 0.0, 1.0)}),
    "a ratio over no sessions is null": (
        {"summary": "day", "date_from": "2024-01-03", "date_to": "2024-01-03"}, {("2024-01-03", 0, None, None)}
    ),
    "distribution: from its bound up to the next": ({"distribution": [0, 10, 2100]}, {(0, 2), (10, 0), (2100, 1)}),
}  # fmt: skip


@pytest.mark.parametrize("why", SESSIONS)
def test_sessions(why):
    question, expected = SESSIONS[why]
    found = answer(VISIT, kind="sessions", **question)
    assert len(found) == expected if isinstance(expected, int) else set(found) == expected


def test_a_single_view_with_another_interaction_is_no_bounce():
    rows = [event("page", "2024-01-01T09:00:00", "u1"), event("click", "2024-01-01T09:00:01", "u1")]
    assert answer(rows, kind="sessions", summary="day") == [("2024-01-01", 1, 1.0, 0.0)]


def test_a_passive_event_begins_no_session_and_is_in_one_until_its_timeout():
    rows = [
        event("identify", "2024-01-01T11:00:00", "u1", is_passive=True),
        event("page", "2024-01-01T12:00:00", "u1", page_url="/"),
        event("leave", "2024-01-01T12:30:00", "u1", page_url="/", is_passive=True),
        event("leave", "2024-01-01T12:30:01", "u1", page_url="/", is_passive=True),
    ]
    assert answer(rows, kind="sessions", summary="day") == [("2024-01-01", 1, 1800.0, 0.0)]


def test_a_session_of_the_client_is_one_of_its_app_or_of_its_device(monkeypatch):
    rows = [
        event("page", "2024-01-01T12:00:00", anonymous_id="d1", session_id="s"),
        event("page", "2024-01-02T12:00:00", "u1", session_id="s"),
        event("page", "2024-01-01T13:00:00", anonymous_id="d1", session_id="s", app="other"),
    ]
    monkeypatch.setenv("FOOTFALL_TRUST_CLIENT_SESSIONS", "true")
    assert [row[5] for row in answer(rows, kind="sessions")] == [2, 1]
    # a range that ends between the two holds the session whole
    assert [row[5] for row in answer(rows, kind="sessions", date_to="2024-01-01")] == [2, 1]
    monkeypatch.setenv("FOOTFALL_CLIENT_SESSION_SCOPE", "device")
    assert len(answer(rows, kind="sessions", app="default")) == 2


def test_a_view_of_ten_seconds_is_no_bounce_and_one_below_is():
    def bounce_rate(seconds):
        moments = [event("page", "2024-01-01T09:00:00", "u1"), event("passive", f"2024-01-01T09:00:{seconds}", "u1")]
        return answer(moments, kind="sessions", summary="day")[0][3]

    assert (bounce_rate("10"), bounce_rate("09.999999")) == (0.0, 1.0)
