"""Ids of charging belong to app and driver: used by another, or again, they name another session; hubs to an app."""

from typing import Any

import duckdb
import pytest

from tests.end_to_end.faults.files import ndjson


def step(
    app: str, number: int, name: str, at: str, driver: str | None, charging: Any = "1", **said: Any
) -> dict[str, Any]:
    """A step of a charging session of an app of this module."""
    return {
        "app": f"charging_ids_{app}",
        "event_id": f"{app}{number}",
        "event_name": name,
        "occurred_at": f"2015-03-{at}Z",
        "user_id": driver,
        "properties": {"charging_session_id": charging, **said},
    }


FILES = [
    ndjson(
        "charging_ids.ndjson",
        # the reported one: two drivers on two days
        step("again", 1, "charge_started", "02T10:00:00", "ca0"),
        step("again", 2, "charge_stopped", "02T11:00:00", "ca0", energy_kwh=5),
        step("again", 3, "charge_started", "03T10:00:00", "ca1"),
        step("again", 4, "charge_stopped", "03T11:00:00", "ca1", energy_kwh=5),
        # at the same time, stops in turn; ids may be numbers
        step("atonce", 1, "charge_started", "02T10:00:00", "cb0", 7),
        step("atonce", 2, "charge_started", "02T10:30:00", "cb1", 7),
        step("atonce", 3, "charge_stopped", "02T11:00:00", "cb0", 7, energy_kwh=1),
        step("atonce", 4, "charge_stopped", "02T12:00:00", "cb1", 7, energy_kwh=2),
        step("atonce", 5, "wallet_credited", "02T12:01:00", "cb0", 7, amount_cents=10, currency="USD"),
        # one driver counts from 1 every day; on the second day the start is sent twice
        step("daily", 1, "charge_started", "02T10:00:00", "cc"),
        step("daily", 2, "charge_stopped", "02T11:00:00", "cc", energy_kwh=3),
        step("daily", 3, "wallet_credited", "02T11:01:00", "cc", amount_cents=10, currency="USD"),
        step("daily", 4, "charge_started", "03T10:00:00", "cc"),
        step("daily", 5, "charge_started", "03T10:01:00", "cc"),
        step("daily", 6, "charge_stopped", "03T11:00:00", "cc", energy_kwh=4),
        # the charger stops and the back office pays: neither is the driver
        step("others", 1, "charge_started", "02T10:00:00", "cd"),
        step("others", 2, "charge_stopped", "02T11:00:00", None, energy_kwh=6),
        step("others", 3, "wallet_credited", "02T11:01:00", "office", amount_cents=10, currency="USD"),
        # one hub's id in two apps, one session's id too
        step("hub/a", 1, "charge_started", "02T10:00:00", "ha", location_id="hub1", station_id="s1"),
        step("hub/b", 1, "charge_started", "02T10:00:00", "hb", location_id="hub1", station_id="s1"),
        step("hub/b", 2, "charge_stopped", "02T11:00:00", "hb", location_id="hub1", station_id="s1"),
    )
]
SESSIONS = {
    "again": [("ca0", "completed", 5.0, 0), ("ca1", "completed", 5.0, 0)],
    "atonce": [("cb0", "completed", 1.0, 10), ("cb1", "completed", 2.0, 0)],
    "daily": [("cc", "completed", 3.0, 10), ("cc", "completed", 4.0, 0)],
    "others": [("cd", "completed", 6.0, 10)],
}


@pytest.mark.parametrize("app", SESSIONS)
def test_a_charging_id_is_of_its_driver_until_it_is_used_again(app: str, built: duckdb.DuckDBPyConnection) -> None:
    shown = built.execute(
        "select person_id, outcome, energy_kwh::double, reward_cents from fct_charging_sessions"
        " where app = $1 order by started_at",
        [f"charging_ids_{app}"],
    ).fetchall()
    assert shown == SESSIONS[app]
    funnel = built.execute(
        "select started_sessions, completed_sessions, energy_kwh from fct_charging_funnel"
        " where segment = 'app' and segment_value = $1 and period = 'month' and period_start = '2015-03-01'",
        [f"charging_ids_{app}"],
    ).fetchall()
    assert funnel == [(len(shown), len(shown), sum(row[2] for row in shown))]


@pytest.mark.parametrize(
    ("relation", "value"),
    [
        ("fct_charging_funnel", "started_sessions"),
        ("fct_green_hour_utilization", "started_sessions"),
        ("metric_charging_sessions", "metric_value"),
    ],
)
def test_a_hub_is_of_its_app(relation: str, value: str, built: duckdb.DuckDBPyConnection) -> None:
    shown = built.execute(
        f"select distinct segment_value, {value}::double from {relation}"
        " where segment = 'hub' and period = 'day' and segment_value like '%hub1' and period_start = '2015-03-02'"
    ).fetchall()
    assert sorted(shown) == [("charging_ids_hub%2Fa/hub1", 1), ("charging_ids_hub%2Fb/hub1", 1)]


def test_each_hub_has_the_utilization_of_its_own_station(built: duckdb.DuckDBPyConnection) -> None:
    shown = built.execute(
        "select segment_value, metric_value > 0 from metric_station_utilization"
        " where segment = 'hub' and period = 'day' and segment_value like '%hub1' and period_start = '2015-03-02'"
        " and metric_value is not null"
    ).fetchall()
    # the one whose app ends with its only event has been there no measurable time
    assert ("charging_ids_hub%2Fb/hub1", True) in shown
    assert ("charging_ids_hub%2Fa/hub1", True) not in shown
