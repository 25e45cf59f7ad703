"""A small published home with events that every kind of question has an answer of, and the questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.serving.report.homes import FIRST as FIRST_ID
from tests.serving.report.homes import clocks, publish_rows

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}"
FIRST = datetime(2025, 4, 1, 9)
PLANS = ("pro", "team", HOSTILE)
PERSONS = 24


def events() -> list[dict[str, Any]]:
    """Persons who look around each week, of whom some sign up and fewer buy; one name, key and value is an attack."""
    rows: list[dict[str, Any]] = []

    def add(person: int, name: str, at: datetime, **properties: Any) -> None:
        rows.append(
            {
                "event_id": f"e{len(rows):05d}",
                "event_name": name,
                "app": "shop" if person % 4 else "desk",
                "user_id": f"u{person:02d}",
                "person_id": f"u{person:02d}",
                "stream_id": person + 1,
                "properties": json.dumps(properties),
                "page_url": f"https://shop.example/{properties.get('page', '')}" if name == "page_view" else None,
                "country": ("FR", "DE", None)[person % 3],
                "device_type": "mobile" if person % 2 else "desktop",
                "amount_cents": properties.get("amount_cents"),
                "is_activity": True,
                "is_page_view": name == "page_view",
                "is_interaction": name != "page_view",
                "is_passive": False,
                "event_date": at.date(),
                "occurred_at": at,
                "received_at": at,
            }
        )

    for person in range(PERSONS):
        for week in range(1 + person % 8):
            at = FIRST + timedelta(days=7 * week + person % 5, minutes=13 * person)
            plan = PLANS[person % 3]
            add(person, "page_view", at, page="home")
            add(person, "page_view", at + timedelta(minutes=2), page=("prices", "docs")[person % 2])
            if week == 0 and person % 3 < 2:
                add(person, "signed_up", at + timedelta(minutes=5), plan=plan, seats=person % 4)
            if week and person % 2:
                add(person, "purchase", at + timedelta(minutes=9), plan=plan, price=5 * week + person)
            if person == 0:
                add(person, HOSTILE, at + timedelta(minutes=20), **{HOSTILE: HOSTILE, "plan": HOSTILE})
    return rows


def publish_events(home: Path, publication: str = FIRST_ID, more: Sequence[Mapping[str, Any]] = ()) -> Path:
    """Publish them, and more, with what a build would have worked out of them beside."""
    rows = [*events(), *more]
    counts: dict[tuple[str, str], int] = {}
    properties: dict[tuple[str, str, str], int] = {}
    for row in rows:
        name = (row["app"], row["event_name"])
        counts[name] = counts.get(name, 0) + 1
        for key in json.loads(row["properties"]):
            properties[*name, key] = properties.get((*name, key), 0) + 1
    tracked = [{"app": app, "event_name": name, "events": count} for (app, name), count in counts.items()]
    keys = [{"app": a, "event_name": n, "property": key, "events": count} for (a, n, key), count in properties.items()]
    days = [row["occurred_at"].date().isoformat() for row in rows]
    return publish_rows(
        home,
        {
            "events": rows,
            "fct_tracked_events": tracked,
            "fct_tracked_properties": keys,
            "int_data_clocks": clocks("shop", "desk", first=min(days), last=max(days)),
        },
        {"reporting_timezone": "UTC", "reporting_currency": "GBP", "session_timeout_minutes": 30},
        publication,
    )


SIGN_UP = [{"event_name": "page_view"}, {"event_name": "signed_up"}, {"event_name": "purchase"}]
# one of each kind, and one of each form that an answer can have
QUESTIONS: list[dict[str, Any]] = [
    {"kind": "active_users", "interval": "week"},
    {"kind": "active_users", "breakdown": "context.country"},
    {"kind": "active_users", "interval": "hour", "date_from": "2025-04-01", "date_to": "2025-04-02"},
    {"kind": "active_users", "interval": "total"},
    {"kind": "active_users", "interval": "total", "breakdown": "context.country"},
    {"kind": "attribution", "event": {"event_name": "purchase"}},
    {"kind": "conversions", "event": {"event_name": "purchase"}, "interval": "week"},
    {"kind": "conversions", "event": {"event_name": "purchase"}, "interval": "total"},
    {"kind": "funnel", "steps": SIGN_UP},
    {"kind": "funnel", "steps": SIGN_UP, "breakdown": "context.device_type"},
    {"kind": "funnel", "steps": SIGN_UP, "trend": "week"},
    {"kind": "funnel", "steps": SIGN_UP, "histogram": {"from_step": 1, "to_step": 2, "bins": 4}},
    {"kind": "funnel", "steps": SIGN_UP, "histogram": {"from_step": 1, "to_step": 2}, "hold_constant": "person_id"},
    {"kind": "funnel", "steps": SIGN_UP, "breakdown": ["plan", "context.country"]},
    {"kind": "lifecycle", "period": "week", "app": "shop"},
    {"kind": "paths", "item": "properties.page"},
    {"kind": "paths", "item": "event_name", "count_from": "end", "max_steps": 3},
    {"kind": "retention", "period": "week"},
    {"kind": "retention", "period": "hour", "cohorts": 2, "periods": 3},
    {"kind": "retention", "period": "week", "breakdown": "context.device_type"},
    {"kind": "retention", "period": "week", "summary": True},
    {"kind": "sessions"},
    {"kind": "sessions", "summary": "week"},
    {"kind": "sessions", "distribution": [0, 60, 600]},
    {"kind": "stickiness", "period": "week", "criteria": ["gte", 2]},
    {"kind": "trends", "series": {"A": {"event_name": "page_view"}}, "interval": "week"},
    {
        "kind": "trends",
        "series": {"views": {"event_name": "page_view"}, "seats": {"measure": "avg", "property": "seats"}},
        "formula": "views / seats",
        "interval": "week",
        "breakdown": "properties.plan",
        "where": {"plan": ["pro", HOSTILE]},
    },
    {"kind": "trends", "series": {"A": {"event_name": HOSTILE}}, "interval": "week", "compare": "previous_period"},
    {"kind": "trends", "series": {"A": {}, "B": {"measure": "uniques"}}, "interval": "total"},
    {"kind": "web_overview", "date_from": "2025-05-01", "compare": "previous_period"},
    {"kind": "conversion_paths", "event": {"event_name": "purchase"}},
    {"kind": "retention", "period": "week", "brackets": [1, 2, 5]},
    {
        "kind": "paths",
        "item": "context.page_url",
        "start": "https://shop.example/home",
        "max_steps": 3,
        "anchor": "every",
    },
    {"kind": "paths", "whole": True, "max_steps": 3},
]
