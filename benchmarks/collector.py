"""How many events a second one core puts on disk, beside a bare framework that only reads the body. Needs wrk."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.homes import Bench
from benchmarks.measure import FOOTFALL, Figure
from benchmarks.servers import CONNECTIONS, PORT, asked, cpu_seconds, memory_mib, refuse_without_wrk, serving

EVENTS_A_REQUEST = 50
SECONDS = 8
BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

async def read(request):
    await request.body()
    return Response(b"{}", media_type="application/json")

app = Starlette(routes=[Route("/v1/batch", read, methods=["POST"]), Route("/health", read)])
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local before, after, number = [==[%s]==], [==[%s]==], 0
local ready, made, asked = {}, %d, 0
local make = function()
  local messages = {}
  for place = 1, %d do
    number = number + 1
    messages[place] = before .. "m" .. tostring(math.random(1, 1e9)) .. "-" .. number .. after
  end
  return wrk.format(nil, nil, nil, '{"batch":[' .. table.concat(messages, ",") .. ']}')
end
request = function()
  if made == 0 then return make() end
  asked = asked %% made + 1
  ready[asked] = ready[asked] or make()
  return ready[asked]
end
"""
# made before they are sent, so that making them does not hold the framework back; what lands needs ids of its own
READY_REQUESTS = 200


def run(bench: Bench) -> Iterator[Figure]:
    """Measure the bare framework and the collector in turns, each on one core and wrk on the other."""
    refuse_without_wrk()
    work = Path(tempfile.mkdtemp(prefix="collector", dir=_made(bench.work)))
    message = {"type": "track", "event": "Order Completed", "userId": "u1", "timestamp": "2025-03-01T10:00:00Z"}
    message |= {"properties": {"order_id": "o1", "revenue": 19.99, "currency": "EUR", "text": "x" * 200}}
    whole = json.dumps({"messageId": "ID"} | message)
    before, after = whole.split("ID", 1)
    scripts = {}
    for name, ready in (("bare", READY_REQUESTS), ("collector", READY_REQUESTS), ("with landing", 0)):
        scripts[name] = work / f"{name}.lua"
        scripts[name].write_text(LUA % (before, after, ready, EVENTS_A_REQUEST))
    told: dict[str, list[dict[str, Any]]] = {"bare": [], "collector": [], "with landing": []}
    for turn in range(bench.rounds):
        for name in told:
            home = work / f"{name}-{turn}"
            with collecting(name, home) as (url, process):
                told[name].append(_measure(url, process, scripts[name]))
            shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(work)
    rate, cost = ({name: _median(runs, of) for name, runs in told.items()} for of in ("requests", "cpu_microseconds"))
    detail = {"events_a_second": {name: round(each * EVENTS_A_REQUEST) for name, each in rate.items()}, "runs": told}
    yield Figure(
        "processor time of a batch of 50 in the bare framework that only reads the body / in the collector, on disk",
        cost["bare"] / cost["collector"], "x", ">= 0.5", detail,
    )  # fmt: skip
    yield Figure("the same as batches a second on one core", rate["collector"] / rate["bare"], "x", "", {})
    yield Figure("the same while they land", rate["with landing"] / rate["bare"], "x", "", {})
    yield Figure("p99 of an answer, ms", _median(told["collector"], "p99_ms"), "ms", "", {})


def _median(runs: list[dict[str, Any]], of: str) -> float:
    return statistics.median(run[of] for run in runs)


def _measure(url: str, process: subprocess.Popen[bytes], script: Path) -> dict[str, Any]:
    before = cpu_seconds(process.pid)
    load = asked(f"{url}/v1/batch", SECONDS, "-s", str(script))
    return {
        "requests": load.requests_a_second,
        "cpu_microseconds": (cpu_seconds(process.pid) - before) * 1e6 / load.requests,
        "p99_ms": load.p99_ms,
        "peak_mib": int(memory_mib(process.pid, "VmHWM")),
    }


@contextmanager
def collecting(name: str, home: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server: `bare`, the `collector` alone, or one that also lands what it receives."""
    if name == "bare":
        command: list[str | Path] = [sys.executable, "-c", BARE, PORT]
    else:
        command = [FOOTFALL, "serve", "--port", PORT]
    never = {"FOOTFALL_BATCH_SIZE": "1000000000", "FOOTFALL_FLUSH_INTERVAL_SECONDS": "3600"}
    told = never if name == "collector" else {}
    with serving(command, FOOTFALL_HOME=str(home), **told) as (url, process):
        yield url, process


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def scale(bench: Bench) -> dict[str, int]:
    """What was sent: no history is needed."""
    return {"events a request": EVENTS_A_REQUEST, "connections": CONNECTIONS, "rounds": bench.rounds}
