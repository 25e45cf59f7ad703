"""Pages and what is done on them, beside plain sums over the events: builds after each load, bots, addresses."""

import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import duckdb

import ingest
from tests.end_to_end.dbt_project import build_models, copy_part

ZONE = "Europe/Berlin"
SETTINGS = {"FOOTFALL_REPORTING_TIMEZONE": ZONE, "FOOTFALL_PAGE_PARAMETERS": "id"}
QUERIES = ["", "?utm_source=news&gclid=1", "?id=7&email=ada@x.example", "?q=shoes&id=8#top", "#id=9"]
AGENTS = [None, "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Googlebot/2.1"]
ACTIONS = {
    "Site Search": ("search", {"search_term": " Blue Hat"}),
    "404": ("not_found", {}),
    "Outbound Link: Click": ("outbound_link", {"url": "https://y.example/a?ref=1"}),
    "file_download": ("download", {"link_url": "https://x.example/a.pdf"}),
}


def drawn(number: int) -> list[dict[str, Any]]:
    """Events of a few visitors on both sides of midnight, in UTC and in the zone."""
    rng = random.Random(number)
    found = []
    for place in range(400):
        at = datetime(2025, 3, 29, 21, tzinfo=UTC) + timedelta(minutes=rng.randrange(36 * 60))
        name = rng.choice(["page_view", "page_view", "engagement", *ACTIONS])
        properties = dict(ACTIONS[name][1]) if name in ACTIONS else {}
        if name == "engagement":
            properties = {
                "engagement_time_msec": rng.choice([0, 1500, 20_000, -1]),
                "scroll_depth": rng.choice([10, 90]),
            }
        found.append(
            {
                "event_id": f"e{place}",
                "event_name": name,
                "occurred_at": at.isoformat(),
                "anonymous_id": rng.choice(["a", "b", "c", None]),
                "properties": properties,
                "context": {
                    "page_url": f"https://x.example/{rng.choice('pq')}{rng.choice(QUERIES)}",
                    "user_agent": rng.choice(AGENTS),
                },
            }
        )
    return found


def page(address: str) -> str:
    told = urlsplit(address)
    kept = parse_qs(told.query).get("id")
    return f"{told.scheme}://{told.netloc}{told.path}" + (f"?id={kept[0]}" if kept else "")


def summed(events: list[dict[str, Any]]) -> tuple[dict[Any, Any], dict[Any, int]]:
    """Views, milliseconds and depths by day and page; events by day, action and target."""
    pages: dict[Any, Any] = defaultdict(lambda: [0, [], []])
    actions: dict[Any, int] = defaultdict(int)
    for event in events:
        context, properties = event["context"], event["properties"]
        if context["user_agent"] == "Googlebot/2.1":
            continue
        day = datetime.fromisoformat(event["occurred_at"]).astimezone(ZoneInfo(ZONE)).date()
        if event["event_name"] == "page_view":
            pages[day, page(context["page_url"])][0] += 1
        elif event["event_name"] == "engagement":
            if properties["engagement_time_msec"] >= 0:
                pages[day, page(context["page_url"])][1].append(properties["engagement_time_msec"])
            pages[day, page(context["page_url"])][2].append(properties["scroll_depth"])
        else:
            action, _ = ACTIONS[event["event_name"]]
            target = {
                "search": "blue hat",
                "not_found": page(context["page_url"]),
                "outbound_link": "https://y.example/a",
                "download": "https://x.example/a.pdf",
            }[action]
            actions[day, action, target] += 1
    return pages, actions


def test_pages_and_actions_are_the_sums_of_the_events_however_they_came(tmp_path: Path) -> None:
    project = copy_part(tmp_path / "project", ["fct_web_pages", "fct_web_actions"])
    home, events = tmp_path / "home", drawn(7)
    home.mkdir()
    rng = random.Random(8)
    for load in range(3):
        file = tmp_path / f"{load}.ndjson"
        # some come twice
        part = [event for place, event in enumerate(events) if place % 3 == load or rng.random() < 0.1]
        file.write_text("".join(json.dumps(event) + "\n" for event in part))
        ingest.load([file], home)
        build_models(home, project=project, settings=SETTINGS)
    pages, actions = summed(events)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        shown = warehouse.execute(
            "select activity_date, page, views, engaged_seconds, mean_scroll_percent, engaged_seconds_per_view "
            "from fct_web_pages where views > 0 or engaged_seconds is not null or mean_scroll_percent is not null"
        ).fetchall()
        counted = warehouse.execute("select activity_date, action, target, events from fct_web_actions").fetchall()
        entries = warehouse.execute("select sum(entries), sum(exits) from fct_web_pages").fetchone()
        sessions = warehouse.execute("select count(entry_page) from int_sessions where not is_bot").fetchone()
    assert len(shown) == len(pages) > 8
    for day, name, views, engaged, depth, per_view in shown:
        wanted, milliseconds, depths = pages[day, name]
        assert views == wanted
        assert engaged == (sum(milliseconds) / 1000 if milliseconds else None)
        assert depth == (sum(depths) / len(depths) if depths else None)
        assert per_view == (engaged / views if views and engaged is not None else None)
    assert {(day, action, target): events for day, action, target, events in counted} == actions
    assert sessions and entries == (sessions[0], sessions[0])
