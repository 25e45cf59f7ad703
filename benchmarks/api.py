"""What an answer over HTTP costs. Needs wrk.

The processor time of cached and uncached reads beside that of a bare FastAPI route that sends the same bytes, and the
ten first figures of a dashboard, on the demo; on the dataset, every kind of question, of which none was asked before.

python -m benchmarks.api --home HOME      asks every kind of question of a home that is built, and changes nothing in it
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks.homes import Bench, Home
from benchmarks.measure import FOOTFALL, Figure, StepFailed
from benchmarks.servers import PORT, asked, cpu_seconds, refuse_without_wrk, serving

API = "/api/v1/analytics"
METRIC = f"{API}/metrics/mau"
SECONDS = 6
# a kind is asked until it was asked so often, or often enough for so long, or for very long
MOST_ASKED, ASKED_ENOUGH, SECONDS_ENOUGH, SECONDS_MOST = 100, 10, 20, 40
HEALTH = "/v1/analytics/health"
# what was asked in another form has not been answered yet
NEVER_ASKED_LIKE_THAT = ("application/json;q=0.9", "application/json;q=0.8", "application/json;q=0.7")
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
local number = os.time() * 100
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
    for kind in _kinds(large.path):
        detail, (which, seconds) = {"cpu_seconds": kind.server_cpu}, kind.slow
        yield Figure(f"a question of the kind {kind.name}, p50", kind.median, "s", "", detail)
        yield Figure(f"a question of the kind {kind.name}, {which}", seconds, "s", "", detail)
    large.remove()


def _reads(home: Home) -> Iterator[Figure]:
    with TemporaryDirectory() as folder:
        body, script = Path(folder, "body"), Path(folder, "new.lua")
        script.write_text(NEW_EACH_TIME)
        with serving(SERVE, HEALTH, FOOTFALL_HOME=str(home.path)) as (url, process):
            cold, again = (asyncio.run(_shown(url, process.pid)) for _ in range(2))
            new = [asyncio.run(_shown(url, process.pid, accept)) for accept in NEVER_ASKED_LIKE_THAT]
            body.write_bytes(httpx.get(url + METRIC, timeout=60).content)
            cached = _cpu_of_a_read(url + METRIC, process.pid)
            uncached = _cpu_of_a_read(url, process.pid, "-s", str(script))
        with serving([sys.executable, "-c", BARE, PORT, body], METRIC) as (url, process):
            bare = _cpu_of_a_read(url + METRIC, process.pid)
    detail = {"bare_ms": bare * 1000, "cached_ms": cached * 1000, "uncached_ms": uncached * 1000}
    yield Figure("a read of a bare framework / a cached read", bare / cached, "x", ">= 0.7", detail)
    yield Figure("a read that was not asked before / of a bare framework", uncached / bare)
    for claim, target, shown in (
        ("the ten first figures of a dashboard on the demo, asked at once as the server has started", "<= 1", cold),
        ("none of them asked before", "<= 1", min(new, key=lambda shown: shown.wall)),
        ("all of them asked before", "", again),
    ):
        yield Figure(claim, shown.wall, "s", target, {"cpu_seconds": shown.cpu})


@dataclass(frozen=True)
class Kind:
    """What answers to questions of a kind took, none of which had been asked before."""

    name: str
    seconds: list[float]
    server_cpu: float

    @property
    def median(self) -> float:
        """Seconds of an answer in the middle."""
        return statistics.median(self.seconds)

    @property
    def slow(self) -> tuple[str, float]:
        """Seconds of a slow answer, and which one it is: the percentile 99 needs a hundred answers."""
        if len(self.seconds) >= MOST_ASKED:
            return "p99", sorted(self.seconds)[-len(self.seconds) // 100 - 1]
        return f"the slowest of {len(self.seconds)}", max(self.seconds)


def _kinds(home: Path) -> Iterator[Kind]:
    told = {"FOOTFALL_HOME": str(home), "FOOTFALL_ANSWER_SECONDS": "600"}
    with serving(SERVE, HEALTH, **told) as (url, process), httpx.Client(base_url=url, timeout=600) as client:
        names = client.get(f"{API}/names?limit=1000").json()["items"]
        for name, question in _questions(names).items():
            seconds: list[float] = []
            used = cpu_seconds(process.pid)
            while len(seconds) < MOST_ASKED and sum(seconds) < SECONDS_MOST:
                if len(seconds) >= ASKED_ENOUGH and sum(seconds) >= SECONDS_ENOUGH:
                    break
                began = time.perf_counter()
                answer = client.post(f"{API}/questions", json=question | _dates(names, len(seconds)))
                seconds.append(time.perf_counter() - began)
                if answer.status_code != 200:
                    raise StepFailed(answer.text)
            yield Kind(name, seconds, (cpu_seconds(process.pid) - used) / len(seconds))


def _cpu_of_a_read(url: str, pid: int, *options: str) -> float:
    """Processor seconds of a server for one of many reads; the first ones, which only begin, are not counted."""
    asked(url, 1, *options)
    used = cpu_seconds(pid)
    requests = asked(url, SECONDS, *options).requests
    return (cpu_seconds(pid) - used) / requests


def _dates(names: list[dict[str, Any]], number: int) -> dict[str, str]:
    """Other days for each number, so that no answer is there already."""
    begin = date.fromisoformat(min(item["first_day"] for item in names)) + timedelta(days=number // 10)
    until = date.fromisoformat(max(item["last_day"] for item in names)) - timedelta(days=number % 10)
    return {"date_from": begin.isoformat(), "date_to": until.isoformat()}


def _questions(names: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A question of each kind, of events that the home has."""
    often = sorted(names, key=lambda item: -item["events"])
    event = {"event_name": often[0]["event_name"]}
    steps = [{"event_name": name} for name in dict.fromkeys(item["event_name"] for item in often[:3])]
    questions: tuple[dict[str, Any], ...] = (
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
    )
    return {str(question["kind"]): question for question in questions}


@dataclass(frozen=True)
class Shown:
    """What a dashboard took: seconds until it was there, and of the server's processor."""

    wall: float
    cpu: float


async def _shown(url: str, pid: int, accept: str = "application/json") -> Shown:
    """Ask for the figures of a dashboard at once, and wait until all are there."""
    headers = {"Accept": accept}
    async with httpx.AsyncClient(base_url=url + API, timeout=60, headers=headers) as client:
        began, used = time.perf_counter(), cpu_seconds(pid)
        answers = await asyncio.gather(*(client.get(f"/{figure}") for figure in FIGURES))
        shown = Shown(time.perf_counter() - began, cpu_seconds(pid) - used)
    if wrong := [answer.text[:200] for answer in answers if answer.status_code != 200]:
        raise StepFailed(wrong[0])
    return shown


def main() -> None:
    """Ask every kind of question of a home, and print what the answers took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="a home that is built")
    print(f"{'':18} {'asked':>6} {'p50':>7} {'slow':>7} s {'server':>7} s")
    for kind in _kinds(parser.parse_args().home.resolve()):
        which, slow = kind.slow
        print(
            f"{kind.name:18} {len(kind.seconds):6} {kind.median:7.2f} {slow:7.2f}   {kind.server_cpu:7.2f}    {which}",
            flush=True,
        )


if __name__ == "__main__":
    main()
