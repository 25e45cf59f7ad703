"""Analyses of 59,835 real messages, against pandas and plain Python that know nothing of our SQL."""

import pandas as pd
import pytest

from serving.ask import ask
from tests.ingest.events import REAL_DATA
from tests.serving.ask.data import database

MESSAGES = REAL_DATA / "community_messages" / "CollegeMsg.txt"

pytestmark = pytest.mark.skipif(not MESSAGES.is_file(), reason="the real data sets (../shared/data) are not here")


@pytest.fixture(scope="module")
def messages():
    """One row per message: sender, receiver, UTC time, and the Monday and the day that hold it."""
    frame = pd.read_csv(MESSAGES, sep=" ")
    frame["at"] = pd.to_datetime(frame["time"], unit="s")
    frame["day"] = frame["at"].dt.normalize()
    frame["week"] = frame["day"] - pd.to_timedelta(frame["day"].dt.day_of_week, unit="D")
    return frame


@pytest.fixture(scope="module")
def connection():
    """The same messages as published events of their senders."""
    events = database([])
    events.execute(
        """
        create temp table sent as
        select none.* replace (
            'message-' || message.number as event_id, 'message_sent' as event_name, message.at as occurred_at,
            'member-' || message.src as person_id, true as is_activity, json_object('to', message.dst) as properties
        )
        from (
            select src, dst, make_timestamp(time * 1000000) as at, row_number() over () as number
            from read_csv($path, delim = ' ')
        ) as message
        left join events as none on false
        """,
        {"path": str(MESSAGES)},
    )
    events.execute("create or replace temp view events as select * from sent")
    return events


def rows(connection, **question):
    answer = ask(connection, question)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


@pytest.mark.parametrize("measure", ["exact", "on_or_after", "within"])
def test_weekly_retention_of_new_senders(connection, messages, measure):
    first = messages.groupby("src")["week"].min()
    weeks = messages[["src", "week"]].drop_duplicates()
    weeks["period"] = (weeks["week"] - weeks["src"].map(first)).dt.days // 7
    weeks["cohort"] = weeks["src"].map(first)
    later = weeks[weeks["period"] > 0]
    expected = {}
    for cohort, size in first.value_counts().items():
        periods = later[later["cohort"] == cohort].groupby("src")["period"]
        for period in range(1, 9):
            kept = {
                "exact": lambda who: (who == period).any(),  # noqa: B023 - used at once
                "on_or_after": lambda who: (who >= period).any(),  # noqa: B023
                "within": lambda who: (who <= period).any(),  # noqa: B023
            }[measure]
            expected[cohort.date().isoformat(), period] = int(periods.apply(kept).sum()) if len(periods) else 0
        expected[cohort.date().isoformat(), 0] = int(size)
    answer = rows(connection, kind="retention", period="week", cohort_rule="first_time", measure=measure, periods=8)
    assert len(answer) > 150
    for row in answer:
        assert row["users"] == expected.get((str(row["cohort_start"]), row["period"]), 0), row


def test_lifecycle_by_day(connection, messages):
    active = messages.groupby("day")["src"].agg(set)
    days = pd.date_range(active.index.min(), active.index.max())
    seen: set[int] = set()
    before: set[int] = set()
    expected = {}
    for day in days:
        now = active.get(day, set())
        expected[day.date().isoformat()] = {
            "new": len(now - seen),
            "returning": len(now & before),
            "resurrected": len((now & seen) - before),
            "dormant": len(before - now),
        }
        seen, before = seen | now, now
    found: dict[str, dict[str, int]] = {}
    for row in rows(connection, kind="lifecycle", period="day"):
        found.setdefault(str(row["period_start"]), {})[row["status"]] = row["users"]
    assert found == expected


def test_days_active_and_rolling_actives(connection, messages):
    days = messages.groupby("src")["day"].nunique().value_counts()
    found = {row["active_periods"]: row["users"] for row in rows(connection, kind="stickiness", period="day")}
    assert {count: users for count, users in found.items() if users} == days.to_dict()

    rolling = rows(connection, kind="active_users", window_days=7, interval="day")
    assert len(rolling) == (messages["day"].max() - messages["day"].min()).days + 1
    for row in rolling[::7]:
        end = pd.Timestamp(str(row["period_start"]))
        window = messages[(messages["day"] > end - pd.Timedelta(days=7)) & (messages["day"] <= end)]
        assert row["users"] == window["src"].nunique(), row


def test_a_funnel_of_three_messages_within_an_hour(connection, messages):
    # three messages of one sender: the k-th needs k events, and any of them may open the attempt
    times = messages.sort_values("time").groupby("src")["time"].agg(list)
    reached = [0, 0, 0]
    for sent in times:
        furthest = max(
            min(3, sum(1 for later in sent[place : place + 3] if later <= start + 3600))
            for place, start in enumerate(sent)
        )
        for step in range(furthest):
            reached[step] += 1
    steps = [{"event_name": "message_sent"}] * 3
    answer = rows(connection, kind="funnel", steps=steps, conversion_window_seconds=3600)
    assert [row["users"] for row in answer] == reached
