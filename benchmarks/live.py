"""What it costs to keep many sockets told of what comes in; they are held by this process, the server is another."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from benchmarks.homes import Bench
from benchmarks.measure import FOOTFALL, Figure
from benchmarks.servers import PORT, cpu_seconds, memory_mib, serving
from footfall import Analytics, EventType

SOCKETS = 1000
SECONDS = 15.0
EVENTS_A_SECOND = 50


def run(bench: Bench) -> Iterator[Figure]:
    """Measure with one socket, then with all."""
    bench.work.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="live", dir=bench.work))
    with serving([FOOTFALL, "serve", "--port", PORT], FOOTFALL_HOME=str(home)) as (url, process):
        one, all_of_them = (asyncio.run(_watched(url, sockets, process.pid)) for sockets in (1, SOCKETS))
    shutil.rmtree(home)
    yield Figure(
        f"share of one core that {SOCKETS:,} sockets take, told of {EVENTS_A_SECOND} events a second",
        all_of_them["share"], "x", "<= 1", {"one socket": one, "all": all_of_them},
    )  # fmt: skip
    yield Figure("the same / one socket", all_of_them["share"] / one["share"])


def scale(bench: Bench) -> dict[str, int]:
    """What was sent: no history is needed."""
    del bench
    return {"sockets": SOCKETS, "events a second": EVENTS_A_SECOND}


async def _watched(url: str, sockets: int, pid: int) -> dict[str, Any]:
    """Open sockets, send events for some seconds, and measure the server meanwhile."""
    told = [0, 0]

    async def one() -> None:
        async with connect(url.replace("http", "ws") + "/ws/analytics/live", open_timeout=60) as messages:
            async for message in messages:
                told[0] += 1
                told[1] += len(message)

    tasks = [asyncio.create_task(one()) for _ in range(sockets)]
    while told[0] < sockets:
        await asyncio.sleep(0.2)
    client = Analytics(url, flush_interval=0.2)
    told[:] = [0, 0]
    began, cpu, number = time.monotonic(), cpu_seconds(pid), 0
    while time.monotonic() - began < SECONDS:
        for _ in range(EVENTS_A_SECOND // 10):
            number += 1
            page = f"https://example.org/{number % 20}"
            client.track_event(f"user {number % 500}", EventType.PAGE_VIEW, page_url=page)
        await asyncio.sleep(0.1)
    took, used = time.monotonic() - began, cpu_seconds(pid) - cpu
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "share": used / took,
        "events_a_second": round(number / took, 1),
        "messages_a_second": round(told[0] / took),
        "kilobytes_a_second": round(told[1] / took / 1000),
        "memory_mib": round(memory_mib(pid)),
    }
