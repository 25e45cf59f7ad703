"""Charging on the real workplace set against pandas, and random steps of sessions against an oracle in plain Python."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import ingest
from tests.end_to_end.dbt_project import REPOSITORY, build_models, differences, run_dbt

MARTS = ("build", "--resource-type=seed", "--resource-type=model", "--select", "+marts.charging", "+fct_payments")
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def charges() -> pd.DataFrame:
    """The published sessions, in which the years 0014 and 0015 stand for 2014 and 2015."""
    frame = pd.read_parquet(REPOSITORY / "demo" / "data" / "ev_charging.parquet")
    frame["start"], frame["stop"] = (pd.to_datetime("20" + frame[name].str[2:]) for name in ("created", "ended"))
    frame["hours"] = (frame["stop"] - frame["start"]) / pd.Timedelta(hours=1)
    frame["kwh"], frame["dollars"] = frame["kwhTotal"].astype(float), frame["dollars"].astype(float)
    frame["day"] = frame["start"].dt.normalize()
    return frame


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same file loaded and built by Footfall."""
    home = tmp_path_factory.mktemp("workplace")
    ingest.load([REPOSITORY / "demo" / "data" / "ev_charging.parquet"], home, mapping="ev_charging")
    run_dbt(home, *MARTS)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def occupied_hours(frame: pd.DataFrame) -> float:
    """Hours in which at least one of one station's sessions runs, by laying them over each other."""
    hours, until = 0.0, pd.Timestamp.min
    for start, stop in sorted(zip(frame["start"], frame["stop"], strict=True)):
        if stop > until:
            hours += (stop - max(start, until)) / pd.Timedelta(hours=1)
            until = stop
    return hours


def test_the_bundled_sessions_are_the_published_ones(charges: pd.DataFrame) -> None:
    facts = (len(charges), charges["userId"].nunique(), charges["stationId"].nunique(), charges["locationId"].nunique())
    assert facts == (3_395, 85, 105, 25)
    assert charges["kwh"].sum() == pytest.approx(19_723.69)
    assert (charges["hours"] - charges["chargeTimeHrs"].astype(float)).abs().max() < 1e-6


def test_sessions_users_energy_hours_and_revenue_are_those_of_pandas(
    workplace: duckdb.DuckDBPyConnection, charges: pd.DataFrame
) -> None:
    months = charges.groupby(charges["start"].dt.strftime("%Y-%m"))
    expected = {
        month: pytest.approx((len(own), 1, own["userId"].nunique(), own["kwh"].sum(), own["hours"].mean()))
        for month, own in months
    }
    query = (
        "select strftime(period_start, '%Y-%m'), started_sessions, completion_rate, unique_users, energy_kwh,"
        " mean_hours from fct_charging_funnel where period = 'month' and segment = 'all'"
    )
    assert {month: tuple(rest) for month, *rest in workplace.execute(query).fetchall()} == expected
    hubs = charges.groupby("locationId").agg(sessions=("sessionId", "size"), kwh=("kwh", "sum"))
    found = workplace.execute(
        "select segment_value, sum(started_sessions)::bigint, sum(energy_kwh) from fct_charging_funnel"
        " where period = 'day' and segment = 'hub' group by segment_value"
    ).fetchall()
    assert {hub: (sessions, kwh) for hub, sessions, kwh in found} == {
        f"ev_charging/{row.Index}": (row.sessions, pytest.approx(row.kwh)) for row in hubs.itertuples()
    }
    paid = workplace.execute("select sum(revenue_cents)::bigint from fct_payments").fetchone()
    assert paid == (sum(round(dollars * 100) for dollars in charges["dollars"]),) == (40_152,)


def test_utilization_of_every_station_is_that_of_pandas(
    workplace: duckdb.DuckDBPyConnection, charges: pd.DataFrame
) -> None:
    end = max(charges["stop"].max(), charges["start"].max())
    expected = {
        str(station): pytest.approx((occupied_hours(own), (end - own["day"].min()) / pd.Timedelta(hours=1)))
        for station, own in charges.groupby("stationId")
    }
    for period in ("day", "week", "month"):
        found = workplace.execute(
            "select station_id, sum(occupied_hours), sum(station_hours) from fct_station_utilization"
            " where period = $1 group by station_id",
            [period],
        ).fetchall()
        assert {station: tuple(hours) for station, *hours in found} == expected
    assert charges["hours"].sum() - sum(occupied_hours(own) for _, own in charges.groupby("stationId")) > 0.1


def test_green_hours_are_those_of_pandas(workplace: duckdb.DuckDBPyConnection, charges: pd.DataFrame) -> None:
    def overlaps(row: Any) -> bool:
        """Midday of weekdays, every night, and weekends: the windows that come with Footfall."""
        day = row.day - DAY
        while day <= row.stop:
            windows = [(22, 30), (10, 15)] if day.weekday() < 5 else [(22, 30), (0, 24)]
            for first, last in windows:
                if row.start < day + pd.Timedelta(hours=last) and row.stop > day + pd.Timedelta(hours=first):
                    return True
            day += DAY
        return False

    expected = sum(overlaps(row) for row in charges.itertuples())
    for period in ("day", "week", "month"):
        found = workplace.execute(
            "select sum(green_sessions)::bigint, sum(started_sessions)::bigint from fct_green_hour_utilization"
            " where period = $1 and segment = 'app' and incentive_window = 'any'",
            [period],
        ).fetchone()
        assert found == (expected, len(charges))


def test_streaks_are_those_of_pandas(workplace: duckdb.DuckDBPyConnection, charges: pd.DataFrame) -> None:
    today = max(charges["stop"].max(), charges["start"].max()).normalize()
    monday = {"day": lambda day: day, "week": lambda day: day - day.weekday() * DAY}
    expected = {}
    for driver, own in charges.groupby("userId"):
        for period, length in (("day", DAY), ("week", 7 * DAY)):
            present = {monday[period](day) for day in own["day"]}
            longest = current = 0
            for start in present:
                run = 0
                while start + run * length in present:
                    run += 1
                longest = max(longest, run)
                if start + run * length >= monday[period](today) and start - length not in present:
                    current = run
            expected[f"driver-{driver}", period] = (current, longest, len(present))
    found = workplace.execute(
        "select person_id, period, current_streak, longest_streak, periods_with_a_session from fct_charging_streaks"
    ).fetchall()
    assert {(person, period): tuple(rest) for person, period, *rest in found} == expected


def random_steps() -> list[dict[str, Any]]:
    """Steps of a few drivers at a few stations, in every state of repair."""
    rng, at = random.Random(17), datetime(2025, 3, 1)
    events = []
    for number in range(1_500):
        at += rng.choice([timedelta(0), timedelta(minutes=1), timedelta(minutes=40), timedelta(hours=3)])
        session = rng.choice([None, None, f"s{number // 12}-{rng.randint(0, 2)}"])
        moved = timedelta(minutes=rng.choice([0, 0, -90])) if session else timedelta(0)
        events.append(
            {
                "event_id": f"e{number:04d}",
                "event_name": rng.choice(["charge_started", "Charge Stopped", "charge_stopped", "wallet_credited"]),
                "occurred_at": (at + moved).isoformat() + "Z",
                "app": "volt",
                "user_id": rng.choice(["ada", "bob", "cem", None]),
                "properties": {
                    "charging_session_id": session,
                    "station_id": rng.choice([None, "one", "two"]),
                    "amount_cents": rng.choice([10, 25]),
                },
            }
        )
    return events


def sessions_of_id(steps: list[dict[str, Any]], order: dict[str, int]) -> list[list[dict[str, Any]]]:
    """The sessions of one id: each driver's own, and the next one where a driver starts again after a stop."""
    drivers = {e["user_id"] for e in steps if order[e["event_name"]] == 1} - {None} or {e["user_id"] for e in steps}
    found: dict[str | None, list[list[dict[str, Any]]]] = defaultdict(list)
    for place, step in enumerate(steps):
        driver = step["user_id"] if step["user_id"] in drivers else None
        nearest = [e["user_id"] for e in [*reversed(steps[:place]), *steps[place:]] if e["user_id"] in drivers - {None}]
        own = found[driver or (nearest[0] if nearest else None)]
        last = [order[e["event_name"]] for e in own[-1] if order[e["event_name"]] != 3] if own else []
        if not own or (order[step["event_name"]] == 1 and 1 in last and last[-1] == 2):
            own.append([])
        own[-1].append(step)
    return [session for sessions in found.values() for session in sessions]


def outcomes(events: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """How often each outcome is seen, with stops, credits and rewards: a step after the other, by hand."""
    order = {"charge_started": 1, "Charge Stopped": 2, "charge_stopped": 2, "wallet_credited": 3}
    sessions: list[list[dict[str, Any]]] = []
    named: dict[str, list[dict[str, Any]]] = defaultdict(list)
    open_ones: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for event in sorted(events, key=lambda e: (e["occurred_at"], order[e["event_name"]], e["event_id"])):
        step, said = order[event["event_name"]], event["properties"]
        place = event["user_id"], said["station_id"]
        if said["charging_session_id"]:
            named[said["charging_session_id"]].append(event)
            continue
        current = open_ones.get(place)
        had = {order[e["event_name"]] for e in current or []}
        begins = current is None or step == 1 or (step == 2 and 1 not in had) or (step == 3 and not had & {1, 2})
        if event["user_id"] is None or begins:
            current = []
            sessions.append(current)
            if event["user_id"]:
                open_ones[place] = current
        assert current is not None
        current.append(event)
    found: Counter[tuple[Any, ...]] = Counter()
    for own in named.values():
        sessions += sessions_of_id(own, order)
    for steps in sessions:
        times = {n: sorted(e["occurred_at"] for e in steps if order[e["event_name"]] == n) for n in (1, 2, 3)}
        counted = [stop for stop in times[2] if not times[1] or stop >= times[1][0]]
        if times[1]:
            outcome = "completed" if counted else "stop_before_start" if times[2] else "never_stopped"
        else:
            outcome = "stop_without_start" if times[2] else "credit_alone"
        cents = sum(e["properties"]["amount_cents"] for e in steps if order[e["event_name"]] == 3)
        found[outcome, len(times[1]), len(times[2]), len(times[3]), cents] += 1
    return found


def test_random_steps_have_the_outcomes_of_plain_python_in_one_build_or_many(tmp_path: Path) -> None:
    home, full, events = tmp_path / "home", tmp_path / "full", random_steps()
    home.mkdir()
    random.Random(5).shuffle(events)
    for load in range(2):
        file = tmp_path / f"{load}.ndjson"
        file.write_text("".join(json.dumps(event) + "\n" for event in events[load::2]))
        ingest.load([file], home)
        build_models(home, "--select", "+marts.charging")
    full.mkdir()
    (full / "landing").symlink_to(home / "landing")
    build_models(full, "--select", "+marts.charging")
    assert differences(home, full) == {}
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute(
            "select outcome, starts, stops, credits, reward_cents, count(*) from fct_charging_sessions group by all"
        ).fetchall()
    expected = outcomes(events)
    assert {row[0] for row in expected} == {
        "completed",
        "never_stopped",
        "stop_before_start",
        "stop_without_start",
        "credit_alone",
    }
    assert {tuple(row): count for *row, count in found} == expected
