"""What an answer over HTTP costs. Needs wrk.

Cached and uncached reads beside a bare FastAPI route that sends the same bytes, and the ten first figures of a
dashboard, on the demo; on the dataset, every kind of question, asked so that none has been answered before.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx

from benchmarks.homes import Bench, Home
from benchmarks.measure import FOOTFALL, Figure, StepFailed
from benchmarks.servers import PORT, asked, refuse_without_wrk, serving

API = "/api/v1/analytics"
METRIC = f"{API}/metrics/mau"
SECONDS = 6
ASKED_EACH = 5
SERVE = [FOOTFALL, "serve", "--only", "api", "--port", PORT]
BARE = """
import sys, uvicorn
from pathlib import Path
from fastapi import FastAPI, Response
app, body = FastAPI(), Path(sys.argv[2]).read_bytes()

@app.get("/api/v1/analytics/metrics/mau")
async def read(limit: int = 100, offset: int = 0) -> Response:
    return Response(body, media_type="application/json")

uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""
# each address is asked for once
NEW_EACH_TIME = """
local number = 0
request = function()
  number = number + 1
  return wrk.format("GET", "/api/v1/analytics/metrics/mau?limit=100&offset=" .. number)
end
"""
FIGURES = (
    "metrics/dashboard", "metrics/active_persons?period=month", "metrics/new_persons?period=month", "metrics/mau",
    "metrics/revenue?period=month", "metrics/mrr?period=month", "metrics/sessions?period=week",
    "metrics/revenue?period=month&segment=country", "metrics/retention_d7", "cohort?period_type=monthly",
)  # fmt: skip


def run(bench: Bench) -> Iterator[Figure]:
    """Measure on the demo, then on the dataset."""
    refuse_without_wrk()
    demo = Home(bench.work / "homes" / "api_demo")
    demo.remove()
    demo.path.mkdir(parents=True)
    demo.footfall("demo")
    yield from _reads(demo)
    demo.remove()
    large = bench.home("api")
    large.footfall("build")
    yield from _kinds(large)
    large.remove()


def _reads(home: Home) -> Iterator[Figure]:
    with serving(SERVE, "/v1/analytics/health", FOOTFALL_HOME=str(home.path)) as (url, _):
        cold, again = (asyncio.run(_shown(url)) for _ in range(2))
        body, script = home.path / "body", home.path / "new.lua"
        body.write_bytes(httpx.get(url + METRIC, timeout=60).content)
        script.write_text(NEW_EACH_TIME)
        with serving([sys.executable, "-c", BARE, PORT, body], METRIC) as (bare, _):
            loads = {
                "bare": asked(bare + METRIC, SECONDS),
                "cached": asked(url + METRIC, SECONDS),
                "bare, of new addresses": asked(bare, SECONDS, "-s", str(script)),
                "uncached": asked(url, SECONDS, "-s", str(script)),
            }
    rates = {name: load.requests_a_second for name, load in loads.items()}
    detail = {name: round(each) for name, each in rates.items()}
    yield Figure("cached reads a second / a bare framework's", rates["cached"] / rates["bare"], "x", ">= 0.7", detail)
    yield Figure("uncached / a bare framework's", rates["uncached"] / rates["bare, of new addresses"])
    yield Figure("ten figures of a dashboard on the demo, none asked before", cold, "s", "<= 1")
    yield Figure("the same again", again, "s")


def _kinds(home: Home) -> Iterator[Figure]:
    took: dict[str, list[float]] = {}
    told = {"FOOTFALL_HOME": str(home.path), "FOOTFALL_ANSWER_SECONDS": "600"}
    with serving(SERVE, "/v1/analytics/health", **told) as (url, _), httpx.Client(base_url=url, timeout=600) as client:
        names = client.get(f"{API}/names?limit=1000").json()["items"]
        for number in range(ASKED_EACH):
            for question in _questions(names, number):
                began = time.perf_counter()
                answer = client.post(f"{API}/questions", json=question)
                took.setdefault(question["kind"], []).append(time.perf_counter() - began)
                if answer.status_code != 200:
                    raise StepFailed(answer.text)
    for kind, seconds in took.items():
        yield Figure(f"a question of the kind {kind}, p50", statistics.median(seconds), "s", "", {"most": max(seconds)})


def _questions(names: list[dict[str, Any]], number: int) -> Iterator[dict[str, Any]]:
    """A question of each kind that was not asked before, of events that the home has."""
    often = sorted(names, key=lambda item: -item["events"])
    event = {"event_name": often[0]["event_name"]}
    steps = [{"event_name": name} for name in dict.fromkeys(item["event_name"] for item in often[:3])]
    until = (date.fromisoformat(max(item["last_day"] for item in names)) - timedelta(days=number)).isoformat()
    for told in (
        {"kind": "active_users", "window_days": 30, "event": event},
        {"kind": "funnel", "steps": steps if len(steps) > 1 else steps * 2},
        {"kind": "retention", "period": "week"},
        {"kind": "lifecycle", "period": "week"},
        {"kind": "stickiness", "period": "week"},
        {"kind": "trends", "series": {"A": {**event, "measure": "uniques"}}},
        {"kind": "paths", "item": "event_name", "max_steps": 4},
        {"kind": "sessions", "summary": "week"},
        {"kind": "conversions", "event": event, "interval": "month"},
        {"kind": "attribution", "event": event},
        {"kind": "conversion_paths", "event": event},
        {"kind": "web_overview"},
    ):
        yield {**told, "date_to": until}


async def _shown(url: str) -> float:
    """Seconds until the figures of a dashboard are there, asked for at once."""
    async with httpx.AsyncClient(base_url=url + API, timeout=60) as client:
        began = time.perf_counter()
        answers = await asyncio.gather(*(client.get(f"/{figure}") for figure in FIGURES))
        if wrong := [answer.text[:200] for answer in answers if answer.status_code != 200]:
            raise StepFailed(wrong[0])
        return time.perf_counter() - began
