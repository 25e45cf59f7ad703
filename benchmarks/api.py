"""What an answer over HTTP costs: `python benchmarks/api.py HOME [SECONDS]`. Needs wrk, and a published home.

Cached and uncached reads beside a bare FastAPI route that sends the same bytes, each server on one core and wrk on the
other; every kind of question, asked so that none has been answered before; the ten first figures of a dashboard.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx

METRIC = "/api/v1/analytics/metrics/mau"
ASKED_EACH = 20
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


@contextmanager
def serving(command: list[str], environment: dict[str, str], path: str) -> Iterator[str]:
    """A server on one core, for the time of a with block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    filled = ["taskset", "-c", "0", *(word.replace("PORT", str(port)) for word in command)]
    process = subprocess.Popen(filled, env={**os.environ, **environment})
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(url + path, timeout=30)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def rate(url: str, seconds: int, *options: str) -> float:
    """Requests a second."""
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c16", f"-d{seconds}s", *options, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if not found or "Non-2xx" in said:
        raise SystemExit(said)
    return float(found[1])


def questions(url: str, number: int) -> Iterator[dict[str, Any]]:
    """A question of each kind that was not asked before, of events that the home has."""
    names = httpx.get(f"{url}/api/v1/analytics/names?limit=1000", timeout=120).json()["items"]
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
        {"kind": "web_overview"},
    ):
        yield {**told, "date_to": until}


async def shown(url: str) -> float:
    """Seconds until the figures of a dashboard are there, asked for at once."""
    async with httpx.AsyncClient(base_url=f"{url}/api/v1/analytics", timeout=60) as client:
        began = time.perf_counter()
        answers = await asyncio.gather(*(client.get(f"/{figure}") for figure in FIGURES))
        assert all(answer.status_code == 200 for answer in answers), [answer.text[:200] for answer in answers]
        return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    home, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 6
    footfall = str(Path(sys.executable).parent / "footfall")
    command, told = (
        [footfall, "serve", "--only", "api", "--port", "PORT"],
        {"FOOTFALL_HOME": home, "FOOTFALL_ANSWER_SECONDS": "600"},
    )
    with tempfile.TemporaryDirectory() as folder, serving(command, told, "/v1/analytics/health") as url:
        print(f"ten figures of a dashboard, none asked before: {asyncio.run(shown(url)):.2f} s", flush=True)
        print(f"the same again: {asyncio.run(shown(url)):.3f} s", flush=True)
        body, script = Path(folder, "body"), Path(folder, "new.lua")
        body.write_bytes(httpx.get(url + METRIC, timeout=60).content)
        script.write_text(NEW_EACH_TIME)
        with serving([sys.executable, "-c", BARE, "PORT", str(body)], {}, METRIC) as bare:
            rates = {
                "bare": rate(bare + METRIC, seconds),
                "cached": rate(url + METRIC, seconds),
                "bare, of new addresses": rate(bare, seconds, "-s", str(script)),
                "uncached": rate(url, seconds, "-s", str(script)),
            }
        print(json.dumps({name: round(each) for name, each in rates.items()}))
        print(f"cached / bare: {rates['cached'] / rates['bare']:.2f}")
        print(f"uncached / bare: {rates['uncached'] / rates['bare, of new addresses']:.3f}", flush=True)
        took: dict[str, list[float]] = {}
        with httpx.Client(base_url=url, timeout=120) as client:
            for number in range(ASKED_EACH):
                for question in questions(url, number):
                    began = time.perf_counter()
                    answer = client.post("/api/v1/analytics/questions", json=question)
                    took.setdefault(question["kind"], []).append(time.perf_counter() - began)
                    assert answer.status_code == 200, answer.text
        for kind, each in took.items():
            print(f"{kind}: p50 {statistics.median(each) * 1000:.0f} ms, p99 {max(each) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
