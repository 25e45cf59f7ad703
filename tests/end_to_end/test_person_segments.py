"""Segments of persons against plain Python that looks at every person on every day."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

import ingest
from tests.end_to_end.dbt_project import REPOSITORY, build_models

ZONE = ZoneInfo("Europe/Berlin")


class Rules(NamedTuple):
    """The thresholds, by the names of the settings without their prefix."""

    new_days: int
    power_days: int
    power_window_days: int
    active_days: int
    at_risk_days: int


DEFAULTS = Rules(7, 15, 30, 14, 30)
SHORT = Rules(1, 3, 5, 2, 4)


def segment_on(day: date, seen: date, active: list[date], rules: Rules) -> str:
    """METRICS, word for word."""
    so_far = [each for each in active if each <= day]
    if (day - seen).days <= rules.new_days:
        return "NEW"
    if sum((day - each).days < rules.power_window_days for each in so_far) >= rules.power_days:
        return "POWER"
    if so_far and (day - max(so_far)).days <= rules.active_days:
        return "ACTIVE"
    if so_far and (day - max(so_far)).days <= rules.at_risk_days:
        return "AT_RISK"
    return "CHURNED"


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


START = date(2025, 1, 1)
RULES = st.builds(
    lambda new, window, power, active, more: Rules(new, min(power, window), window, active, active + more),
    *(st.integers(1, 12), st.integers(1, 20), st.integers(1, 10), st.integers(1, 12), st.integers(1, 12)),
)
LIVES = st.lists(st.dictionaries(st.integers(0, 70), st.booleans(), min_size=1, max_size=30), min_size=1, max_size=4)


@settings(max_examples=300)
@given(lives=LIVES, rules=st.one_of(st.just(DEFAULTS), RULES))
def test_every_day_of_random_lives_has_the_segment_that_its_rules_say(
    lives: list[dict[int, bool]], rules: Rules, engine: duckdb.DuckDBPyConnection
) -> None:
    text = (REPOSITORY / "macros" / "engines" / "person_segments.sql").read_text()
    macros = Environment().from_string(text).module
    engine.execute(
        "create or replace table days "
        "(person_key ubigint, person_id varchar, activity_date date, is_active boolean, content_hash ubigint)"
    )
    rows = [
        (person, f"p{person}", START + timedelta(day), is_active, day)
        for person, life in enumerate(lives)
        for day, is_active in life.items()
    ]
    # a day may have several rows, of which one is active
    engine.executemany("insert into days values (?, ?, ?, ?, ?)", [*rows, *((*row[:3], False, 0) for row in rows[::2])])
    found = engine.execute(macros.person_segments("days", rules)).fetchall()  # type: ignore[attr-defined]
    last = START + timedelta(140)
    shown = sorted(
        (person, valid_from + timedelta(k), segment)
        for person, _, segment, valid_from, valid_to, _ in found
        for k in range(((valid_to or last) - valid_from).days + 1)
        if valid_from + timedelta(k) <= last
    )
    expected = []
    for person, life in enumerate(lives):
        seen = START + timedelta(min(life))
        active = [START + timedelta(day) for day, is_active in life.items() if is_active]
        for k in range((last - seen).days + 1):
            expected.append((person, seen + timedelta(k), segment_on(seen + timedelta(k), seen, active, rules)))
    assert shown == expected


def events() -> list[dict[str, str]]:
    """Ten weeks of some persons: regular ones, one-timers, returners, refunds only; two days change their clocks."""
    made = []
    lives = {
        "daily": range(0, 70),
        "odd": range(1, 60, 2),
        "weekly": range(0, 70, 7),
        "once": [3],
        "back": [0, 1, 40],
        "late": [69],
        "gone": range(0, 22),
    }
    for user, days in lives.items():
        for day in days:
            at = datetime(2025, 3, 1, 22, 30, tzinfo=UTC) + timedelta(days=day)
            made.append({"event_name": "click", "user_id": user, "occurred_at": at.isoformat(), "app": user[0]})
    made.append({"event_name": "refund", "user_id": "refunded", "occurred_at": "2025-04-02T10:00:00Z", "app": "shop"})
    # nobody's event: the day that the data reach
    made.append({"event_name": "click", "occurred_at": "2025-05-12T09:00:00Z", "app": "shop"})
    return made


@pytest.mark.parametrize("rules", [DEFAULTS, SHORT], ids=["defaults", "short"])
def test_marts_show_the_segments_of_every_day_and_date(rules: Rules, tmp_path: Path) -> None:
    made = events()
    for part in range(2):
        file = tmp_path / f"{part}.ndjson"
        file.write_text("".join(json.dumps(event) + "\n" for event in made[part::2]))
        ingest.load([file], tmp_path)
        build_models(
            tmp_path,
            "--select",
            "+fct_audience",
            settings={
                "FOOTFALL_REPORTING_TIMEZONE": "Europe/Berlin",
                **{f"FOOTFALL_SEGMENT_{name.upper()}": str(value) for name, value in rules._asdict().items()},
            },
        )
    seen: dict[str, date] = {}
    active: dict[str, list[date]] = defaultdict(list)
    clocks: dict[str, date] = {}
    last = date(2025, 5, 12)
    for event in made:
        day = datetime.fromisoformat(str(event["occurred_at"])).astimezone(ZONE).date()
        clocks[event["app"]] = max(clocks.get(event["app"], day), day)
        if "user_id" in event:
            user = str(event["user_id"])
            seen[user] = min(seen.get(user, day), day)
            if event["event_name"] != "refund" and day not in active[user]:
                active[user].append(day)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as warehouse:
        shown = warehouse.execute(
            "select person_id, valid_from_date, coalesce(valid_to_date, $last), segment from fct_person_segments",
            {"last": last},
        ).fetchall()
        current = warehouse.execute("select person_id, segment from dim_persons").fetchall()
        audiences = warehouse.execute(
            "select audience_date, person_segment, persons, is_complete from fct_audience where segment = 'all'"
        ).fetchall()
        apps = warehouse.execute(
            "select segment_value, audience_date, person_segment, persons, is_complete from fct_audience"
            " where segment = 'app'"
        ).fetchall()
    days = {
        (person, valid_from + timedelta(k)): segment
        for person, valid_from, valid_to, segment in shown
        for k in range((valid_to - valid_from).days + 1)
    }
    expected = {
        (user, day): segment_on(day, seen[user], active[user], rules)
        for user in seen
        for day in (seen[user] + timedelta(k) for k in range((last - seen[user]).days + 1))
    }
    assert days == expected
    assert set(expected.values()) == {"NEW", "POWER", "ACTIVE", "AT_RISK", "CHURNED"}
    assert dict(current) == {user: expected[user, last] for user in seen}
    dates = [date(2025, 3, 31), date(2025, 4, 30), last]
    counts = {day: Counter(segment for (_, on), segment in expected.items() if on == day) for day in dates}
    assert sorted(audiences) == sorted(
        (day, segment, counts[day][segment], day != last)
        for day in dates
        for segment in ("NEW", "POWER", "ACTIVE", "AT_RISK", "CHURNED")
    )
    homes = {str(event["user_id"]): event["app"] for event in made if "user_id" in event}
    assert clocks["g"] < dates[0] < clocks["o"] < clocks["shop"] == last
    assert sorted(apps) == sorted(
        (
            app,
            day,
            segment,
            sum(expected.get((user, day)) == segment for user in homes if homes[user] == app),
            day != end,
        )
        for app, end in clocks.items()
        for day in sorted({min(month, end) for month in dates})
        if day >= min(min(seen[user], end) for user in homes if homes[user] == app)
        for segment in ("NEW", "POWER", "ACTIVE", "AT_RISK", "CHURNED")
    )
