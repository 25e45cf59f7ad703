"""The demo's fourth app, `volt`: a synthetic charging club whose members are paid for charging in green hours.

The real charging set knows no rewards; these events, drawn from a fixed seed, stand for nobody. `python -m demo.volt`
writes demo/data/volt.parquet again, row for row.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from demo.studio import DATA, write_events

SEED = 20151005
DRIVERS = 90
FIRST, LAST = datetime(2015, 3, 1), datetime(2015, 10, 4, 18)
# hub, region, stations
HUBS = {"harbour": ("north", 4), "station square": ("north", 3), "campus": ("south", 5)}


def charges(number: int) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    """Each step of a driver's charging sessions: its name, when, and its properties."""
    rng = random.Random(f"{SEED}/{number}")
    hub = rng.choice(sorted(HUBS))
    _, stations = HUBS[hub]
    keenness, day = rng.betavariate(2, 4), FIRST + timedelta(days=rng.randint(0, 180))
    gone = day + timedelta(days=rng.expovariate(1 / 150))
    while day < min(gone, LAST):
        day += timedelta(days=1)
        if rng.random() > keenness:
            continue
        hour = rng.choice([7, 8, 11, 12, 13, 14, 17, 18, 19, 23])
        at = day.replace(hour=hour, minute=rng.randint(0, 59), second=rng.randint(0, 59))
        minutes = rng.randint(25, 300)
        session = {
            "charging_session_id": f"volt-{number}-{at:%Y%m%d}",
            "station_id": f"{hub} {rng.randint(1, stations)}",
            "location_id": hub,
        }
        yield "charge_started", at, session
        fate = rng.random()
        # some are never stopped, as somebody pulls the plug
        if fate < 0.04:
            continue
        energy = round(minutes / 60 * rng.uniform(3.2, 7.2), 2)
        stopped = at + timedelta(minutes=minutes)
        yield "charge_stopped", stopped, session | {"energy_kwh": energy}
        # and some stops are sent twice
        if fate > 0.98:
            yield "charge_stopped", stopped + timedelta(seconds=40), session | {"energy_kwh": energy}
        if (10 <= hour < 15 or hour >= 22) and rng.random() < 0.85:
            reward = {"amount_cents": round(energy * 4), "currency": "USD"}
            yield "wallet_credited", stopped + timedelta(hours=rng.randint(1, 30)), session | reward


def events() -> list[dict[str, Any]]:
    """Every event, in order of time, with an id by its place."""
    found = [
        {
            "event_name": name,
            "occurred_at": at,
            "user_id": f"volt-driver-{number}",
            "anonymous_id": None,
            "properties": properties,
            "context": {"region": HUBS[properties["location_id"]][0]},
        }
        for number in range(1, DRIVERS + 1)
        for name, at, properties in charges(number)
        if at <= LAST
    ]
    found.sort(key=lambda event: (event["occurred_at"], event["user_id"], event["event_name"]))
    return [{"event_id": f"volt-{n:05d}", "app": "volt", **event} for n, event in enumerate(found, start=1)]


if __name__ == "__main__":
    write_events(events(), DATA / "volt.parquet")
