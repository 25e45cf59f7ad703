"""A small published home of two apps, of which whoever reads the one shall see nothing of the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.serving.report.homes import FIRST, clocks, contracts, publish_rows

APPS = ("shop", "blog")
# what a number of each app's rows is; that of all apps together tells of the other too
NUMBERS = {"shop": 3, "blog": 77_777, "all": 77_780}
PERIODS = ("day", "week", "month")
DAY = "2025-06-15"


def two_apps(home: Path, name: str = FIRST, events: int = 40, apps: Sequence[str] = APPS) -> Path:
    """Publish it, or one with the first app alone; another publication has another number of events."""
    rows: dict[str, list[dict[str, Any]]] = {
        relation: [*_rows(relation, columns, apps)]
        for relation, columns in contracts().items()
        if not relation.startswith("int_")
    }
    rows["events"] = [event for app in apps for event in _events(app, events)]
    rows["int_data_clocks"] = clocks(*apps)
    rows["int_identities"] = [
        {"id_kind": "user", "id": f"user-{app}", "app": app, "person_id": f"person_id-{app}"} for app in apps
    ]
    rows["fct_tracked_events"] = [{"app": app, "events": events} for app in apps]
    return publish_rows(home, rows, {"reporting_timezone": "UTC", "week_start": "monday"}, name)


def _rows(relation: str, columns: Mapping[str, str], apps: Sequence[str]) -> Iterator[dict[str, Any]]:
    is_by_segment = "segment_value" in columns
    owners = (*apps, "all") if is_by_segment and "app" not in columns else apps
    for owner in owners:
        periods = [*PERIODS, "all"] if relation == "fct_content_performance" else PERIODS
        for period in periods if columns.get("period") == "varchar" else ("",):
            row = {name: _value(name, kind, owner) for name, kind in columns.items() if not kind.startswith("map")}
            if period:
                row["period"] = period
            if is_by_segment:
                is_split = "app" in columns or owner == "all"
                row |= {"segment": "all" if is_split else "app", "segment_value": "all" if is_split else owner}
            yield row


def _value(name: str, kind: str, owner: str) -> Any:
    if name == "app":
        return owner
    if kind == "varchar":
        return f"{name}-{owner}"
    if kind == "boolean":
        return True
    if kind in ("date", "timestamp"):
        return DAY
    return None if kind.startswith(("struct", "varchar[")) else NUMBERS[owner]


def _events(app: str, number: int) -> Iterator[dict[str, Any]]:
    begin = datetime(2025, 6, 1, 8)
    names = ("open", f"{app}_bought", "signup", f"{app}_read")
    for place in range(number):
        at = begin + timedelta(hours=8 * place)
        yield {
            "event_id": f"{app}-{place}", "event_name": names[place % 4], "app": app, "occurred_at": at,
            "received_at": at, "event_date": at.date(), "user_id": f"{app}-{place % 5}",
            "person_id": f"{app}-{place % 5}", "stream_id": place % 5 + (100 if app == "blog" else 0),
            "is_activity": True, "is_page_view": place % 4 == 0, "is_interaction": True, "is_passive": False,
            "page_url": f"https://{app}.test/{place % 3}", "properties": json.dumps({f"{app}_plan": "pro", "n": place}),
        }  # fmt: skip
